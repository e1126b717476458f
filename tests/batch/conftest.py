"""A folder of small images, and a model whose network is played by a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.model.folder import ModelFolder, open_model
from bridge.segment.engines.base import Engine
from bridge.segment.engines.registry import EngineSpec
from bridge.segment.segmenter import Segmenter
from tests.batch.engines import DEADLY_HEIGHT


def write_image(path: Path, height: int = 64) -> Path:
    """A noisy plane of 64 columns."""
    path.parent.mkdir(exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 999, (height, 64))
    tifffile.imwrite(path, noise.astype(np.uint16))
    return path


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Six images; ``s3`` is the deadly one."""
    heights = [DEADLY_HEIGHT if number == 3 else 64 for number in range(1, 7)]
    return [
        write_image(tmp_path / "images" / f"s{number}.tif", height)
        for number, height in enumerate(heights, start=1)
    ]


def segmenter(load: Callable[[ModelFolder], Engine]) -> Segmenter:
    """The demo model's recipe with another engine."""
    return Segmenter(open_model("demo"), spec=EngineSpec("stand-in", load))
