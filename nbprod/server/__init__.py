"""The Jupyter Server extension: the road over REST, for the JupyterLab extension and for anybody.

A request's way: ``routes`` (one table: path, body, answer) → ``handlers`` (authenticated,
authorized, errors as problem details) → ``operations`` (ten lines each) → ``paths`` (confined to
the server's root) → ``worker`` (questions, answered by ``desk`` in a process of its own) or
``jobs`` (verbs, each ``python -m nbprod … --json`` in its own process group; ``verbs`` says how,
``job_output`` what came of it, ``processes`` ends them).
``schemas`` are the shapes, ``openapi`` the document made of them. No code of a user runs in the
server's process.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Where Jupyter Server finds the extension."""
    from nbprod.server.extension import NbprodExtension

    return [{"module": "nbprod.server", "app": NbprodExtension}]
