"""The extension as Jupyter Server starts and stops it."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Integer, Unicode

if TYPE_CHECKING:
    from nbprod.server.requests import Services


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
        """One handler for every route: what it needs is imported at the first request."""
        from nbprod.server.handlers import Resource
        from nbprod.server.requests import BASE

        # Jupyter puts the server's own prefix before it
        self.handlers.append((f"/{BASE}/(.*)", Resource, {"services": lambda: self.services}))

    @cached_property
    def services(self) -> Services:
        """Jobs and desks of this server."""
        from nbprod.server.jobs import Jobs
        from nbprod.server.requests import Services
        from nbprod.server.worker import Worker

        assert self.serverapp is not None
        jobs = Jobs(self.python, most_running=self.max_running, most_waiting=self.max_waiting)
        return Services(
            root=Path(self.serverapp.root_dir),
            jobs=jobs,
            desk=Worker(self.log, limit_s=self.desk_limit_s, most_waiting=32, python=self.python),
            editor=Worker(self.log, limit_s=self.edit_limit_s, most_waiting=16, python=self.python),
        )

    async def stop_extension(self) -> None:
        """End every job with its children, and the desks."""
        if "services" not in vars(self):  # nobody has asked for anything
            return
        await self.services.jobs.close()
        await self.services.desk.close()
        await self.services.editor.close()

    def initialize_settings(self) -> None:
        """Nothing of ours goes into the server's shared settings."""

    def initialize_templates(self) -> None:
        """There is no page of our own."""
