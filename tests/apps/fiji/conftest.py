"""Sessions with the embedded ImageJ, started once and shared; each test finds them empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.apps.fiji import EMBEDDED, Fiji
from bridge.apps.fiji.errors import FijiError


@pytest.fixture(scope="session")
def started_headless() -> Iterator[Fiji]:
    """The embedded ImageJ without a window."""
    with _session("headless") as fiji:
        yield fiji


@pytest.fixture(scope="session")
def started_window(display: str) -> Iterator[Fiji]:
    """The embedded ImageJ with its window and ROI Manager."""
    del display
    with _session("gui") as fiji:
        yield fiji


@pytest.fixture
def headless(started_headless: Fiji) -> Fiji:
    """ImageJ without a window, nothing open."""
    started_headless.clear()
    return started_headless


@pytest.fixture
def window(started_window: Fiji) -> Fiji:
    """ImageJ with its window, nothing open."""
    started_window.clear()
    return started_window


@pytest.fixture(params=["headless", "window"])
def fiji(request: pytest.FixtureRequest) -> Fiji:
    """ImageJ without and with its window."""
    session: Fiji = request.getfixturevalue(request.param)
    return session


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where tests leave the screenshots of the documentation, if they are wanted."""
    folder = os.environ.get("STARBRIDGE_SCREENSHOTS")
    return Path(folder) if folder else None


def _session(mode: str) -> Fiji:
    pytest.importorskip("jpype", reason='needs the fiji part: pip install "starbridge[fiji]"')
    try:
        return Fiji(EMBEDDED, mode="gui" if mode == "gui" else "headless", heap="2g")
    except FijiError as error:
        if "cannot be had" in str(error):
            pytest.skip(str(error))
        raise
