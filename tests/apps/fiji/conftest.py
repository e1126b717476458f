"""Sessions with the embedded ImageJ, started once and shared; each test finds them empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.apps.fiji import EMBEDDED, Fiji
from bridge.apps.fiji.errors import FijiError


@pytest.fixture(scope="session")
def sessions() -> Iterator[dict[str, Fiji]]:
    """Sessions by mode, started when they are first needed, and again if a test ended one."""
    started: dict[str, Fiji] = {}
    yield started
    for session in started.values():
        session.close()


@pytest.fixture
def headless(sessions: dict[str, Fiji]) -> Fiji:
    """ImageJ without a window, nothing open."""
    return _empty(sessions, "headless")


@pytest.fixture
def window(sessions: dict[str, Fiji], display: str) -> Fiji:
    """ImageJ with its window and ROI Manager, nothing open."""
    del display
    return _empty(sessions, "gui")


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


def _empty(sessions: dict[str, Fiji], mode: str) -> Fiji:
    if mode not in sessions or not sessions[mode].running:
        sessions[mode] = _session(mode)
    sessions[mode].clear()
    return sessions[mode]


def _session(mode: str) -> Fiji:
    pytest.importorskip("jpype", reason='needs the fiji part: pip install "starbridge[fiji]"')
    try:
        return Fiji(EMBEDDED, mode="gui" if mode == "gui" else "headless", heap="2g")
    except FijiError as error:
        if "cannot be had" in str(error):
            pytest.skip(str(error))
        raise
