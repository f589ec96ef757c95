"""How the tests start the machine's own Chromium."""

from __future__ import annotations

import shutil
from typing import Any


def chromium() -> dict[str, Any]:
    """Launch options: the system's browser, headless, and silent towards the network."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    assert path, "Chromium is missing; `make test` installs it"
    return {
        "executable_path": path,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }
