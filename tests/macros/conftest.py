"""Sessions of the real ImageJ, one for each way in which macros reach a RoiSet.zip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.apps.fiji import Fiji

MACROS = Path(__file__).parents[2] / "macros"
HARD_NAME = 'it\'s "mine" é µ 100% #1 [x]' if os.name != "nt" else "it's mine é µ 100% #1 [x]"
NO_SESSION = 'call("java.lang.System.clearProperty", "starbridge.session");'


@pytest.fixture(scope="module")
def headless() -> Iterator[Fiji]:
    """ImageJ without a window, as starbridge starts it."""
    with Fiji("embedded") as fiji:
        yield fiji


@pytest.fixture(scope="module", params=["headless", "window", "window without starbridge"])
def fiji(request: pytest.FixtureRequest) -> Iterator[Fiji]:
    """ImageJ without and with a window; and as a person starts it, with nothing of starbridge."""
    if request.param == "headless":
        with Fiji("embedded") as session:
            yield session
        return
    request.getfixturevalue("display")
    with Fiji("embedded", mode="gui") as session:
        if request.param == "window without starbridge":
            session.run_macro(NO_SESSION)
        yield session


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> None:
    """Nothing of the test before is open."""
    for name in ("fiji", "headless"):
        if name in request.fixturenames:
            request.getfixturevalue(name).clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name holds all that breaks scripts."""
    made = tmp_path / HARD_NAME
    made.mkdir()
    return made


@pytest.fixture
def mask(real_image: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[np.uint16]:
    """The hand-made mask of StarDist's test image."""
    return real_image[1].astype(np.uint16)


@pytest.fixture
def two_channels(folder: Path, real_image: tuple[NDArray[Any], NDArray[Any]]) -> Path:
    """The test image as DAPI, its half as a second channel, 0.5 µm a pixel."""
    path = folder / "two channels.tif"
    tifffile.imwrite(
        path,
        np.stack([real_image[0], real_image[0] // 2]),
        imagej=True,
        metadata={"axes": "CYX", "unit": "um", "Labels": ["DAPI", "GFP, weak"]},
        resolution=(2, 2),
    )
    return path
