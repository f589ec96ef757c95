"""What several soak tests open: a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import browsing
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with browsing() as running:
        yield running
