"""The extension as Jupyter Server starts and stops it."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Integer, Unicode


class NbprodExtension(ExtensionApp):
    """nbprod in Jupyter Server; configure it as ``c.NbprodExtension``."""

    name = "nbprod"
    extension_url = "/nbprod/api/status"
    load_other_extensions = True

    python = Unicode(
        sys.executable, config=True, help="The Python that runs jobs; it must have nbprod."
    )
    max_running = Integer(
        2, min=1, config=True, help="Jobs at once; those that move traffic are not counted."
    )
    max_waiting = Integer(20, min=0, config=True, help="Jobs that may wait for their turn.")
    edit_limit_s = Float(15.0, config=True, help="How long looking at edited cells may take.")
    desk_limit_s = Float(60.0, config=True, help="How long reading records may take.")

    def initialize_handlers(self) -> None:
        """Every route, and what they work with."""
        from nbprod.server.handlers import handlers
        from nbprod.server.jobs import Jobs
        from nbprod.server.operations import Services
        from nbprod.server.worker import Worker

        assert self.serverapp is not None
        jobs = Jobs(self.python, most_running=self.max_running, most_waiting=self.max_waiting)
        self.services = Services(
            root=Path(self.serverapp.root_dir),
            jobs=jobs,
            desk=Worker(self.log, limit_s=self.desk_limit_s, most_waiting=32, python=self.python),
            editor=Worker(self.log, limit_s=self.edit_limit_s, most_waiting=16, python=self.python),
        )
        base_url = self.serverapp.web_app.settings["base_url"]
        self.handlers.extend(handlers(base_url, self.services))

    async def stop_extension(self) -> None:
        """End every job with its children, and the desks."""
        services = getattr(self, "services", None)
        if services is None:
            return
        await services.jobs.close()
        await services.desk.close()
        await services.editor.close()

    def initialize_settings(self) -> None:
        """Nothing of ours goes into the server's shared settings."""

    def initialize_templates(self) -> None:
        """There is no page of our own."""
