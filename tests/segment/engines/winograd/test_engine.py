"""starbridge's own engine says what the others say, however a plane is cut."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.errors import BadInputError
from bridge.examples.simulator import simulate_section
from bridge.model.folder import ModelFolder, open_model
from bridge.segment.engines.base import SMALLEST_DISTANCE
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.registry import AUTO, find_engine
from bridge.segment.engines.unet import read_unet
from bridge.segment.engines.winograd import reference
from bridge.segment.engines.winograd.engine import WinogradEngine
from bridge.segment.engines.winograd.layers import (
    Buffers,
    Convolution,
    Kernel,
    LayerView,
    Squares,
    convolve,
)
from bridge.segment.engines.winograd.memory import allocate_aligned, copy_aligned
from bridge.segment.engines.winograd.products import pack_panels
from bridge.segment.engines.winograd.transforms import ENLARGED_ZERO, POINTS, transform_kernel
from bridge.segment.engines.winograd.vectors import ROWS, WIDTH
from tests.models_export.architectures import SMALL, write_model

OTHER_PROCESSORS = """
import sys
import numpy as np
from bridge.segment.engines.winograd import reference
from bridge.segment.engines.winograd.engine import WinogradEngine
from bridge.segment.engines.winograd.vectors import WIDTH
from bridge.model.folder import open_model
found = WinogradEngine(open_model("demo")).predict(np.load(sys.argv[1]))
np.savez(sys.argv[2], prob=found.prob, dist=found.dist, width=WIDTH)
"""


@pytest.fixture(scope="module")
def engine() -> WinogradEngine:
    return WinogradEngine(open_model("demo"))


@pytest.fixture(scope="module")
def section() -> NDArray[np.float32]:
    """Simulate a normalised section, (640, 576, 1)."""
    pixels = simulate_section((640, 576), seed=4, n_channels=1)[0][0]
    low, high = np.percentile(pixels, (1, 99.8))
    return np.asarray((pixels - low) / (high - low), np.float32)[..., np.newaxis]


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 23), st.integers(1, 23)),
    st.integers(1, 40),
    st.integers(1, 40) | st.just(WIDTH),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_layer_is_convolved_as_by_the_reference(
    shape: tuple[int, int], seen: int, made: int, rectified: bool, at_line: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    (height, width), seen, made = shape, seen + WIDTH, made + WIDTH
    layer = np.zeros((height + 1, width + 1, seen), np.float32)
    layer[:-1, :-1] = rng.standard_normal((height, width, seen))
    kernel = rng.standard_normal((3, 3, seen, made)).astype(np.float32)
    bias = rng.standard_normal(made).astype(np.float32)
    across, down = -(-width // 4), -(-height // 4)
    panels = [pack_panels(matrix) for matrix in transform_kernel(kernel)]
    wide = -(-made // WIDTH) * WIDTH
    places = [np.arange(-1, 4 * n + 1) for n in (down, across)]
    rows, columns = (
        np.where((at < 0) | (at >= size), size, at)
        for at, size in zip(places, (height, width), strict=True)
    )
    # results that stand at lines of memory are written past the caches
    memory = allocate_aligned((height + 1) * (width + 1) * made + 1)
    memory[:] = np.nan
    to = (memory[:-1] if at_line else memory[1:]).reshape(height + 1, width + 1, made)
    block = 2 * ROWS
    nothing = LayerView(np.empty((0, 0, 0), np.float32), np.empty(0, np.intp), np.empty(0, np.intp))

    kernels = Kernel(
        copy_aligned(np.concatenate(panels)),
        np.cumsum([0, *(len(panel) for panel in panels[:-1])]),
        np.zeros(POINTS, np.intp),
        copy_aligned(np.pad(bias, (0, wide - made))),
        copy_aligned(np.full(wide, 0 if rectified else -np.inf)),
    )
    view = LayerView(layer, rows * (width + 1) * seen, columns * seen)
    counts = (POINTS * block * seen, POINTS * block * wide, 16 * made, 0, 0)

    convolve(
        Squares(0, down * across, block, across),
        Convolution(view, nothing, kernels),
        Buffers(*(np.empty(count, np.float32) for count in counts)),
        to,
        np.empty((1, 1, 0), np.float32),
    )

    expected = reference.convolve(layer[:-1, :-1], kernel, bias)
    if rectified:
        expected = np.maximum(expected, 0)
    np.testing.assert_allclose(to[:-1, :-1], expected, atol=1e-3)
    assert (to[-1] == 0).all()
    assert (to[:, -1] == 0).all()


@settings(max_examples=15)
@given(
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_the_reference_convolves_as_by_the_definition(
    shape: tuple[int, int], seen: int, made: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    layer, kernel = rng.standard_normal((*shape, seen)), rng.standard_normal((3, 3, seen, made))
    bias = rng.standard_normal(made)

    found = reference.convolve(layer, kernel, bias)

    padded = np.pad(layer, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    np.testing.assert_allclose(found, np.einsum("yxkij,ijkl->yxl", windows, kernel) + bias)


def test_a_point_of_an_enlarged_layer_is_zero() -> None:
    enlarged = reference.enlarge(np.random.default_rng(0).random((5, 5, 2)), (2, 2))

    # a square begins at a multiple of four and looks at pixels from one before it
    transformed = reference.transform_input(enlarged[3:9, 3:9])

    assert np.abs(transformed[ENLARGED_ZERO]).max() < 1e-12
    assert np.abs(transformed[:, ENLARGED_ZERO]).max() < 1e-12


@settings(max_examples=10, deadline=None)
@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(0, 2**32 - 1))
def test_a_tile_is_predicted_as_by_the_reference(
    engine: WinogradEngine, blocks: tuple[int, int], seed: int
) -> None:
    tile = np.random.default_rng(seed).random((16 * blocks[0], 16 * blocks[1], 1), np.float32)

    found = engine.predict(tile)

    prob, dist = reference.run(read_unet(open_model("demo")), tile)
    np.testing.assert_allclose(found.prob, prob[..., 0], atol=1e-5)
    np.testing.assert_allclose(found.dist, np.maximum(dist, SMALLEST_DISTANCE), atol=1e-3)


@pytest.mark.parametrize("tiles", [(1, 2), (2, 1), (3, 3), (5, 2), (8, 8)])
def test_every_number_of_a_core_is_the_same_however_a_plane_is_cut(
    engine: WinogradEngine, section: NDArray[np.float32], tiles: tuple[int, int]
) -> None:
    from bridge.segment.tiles import tile_rows

    whole = engine.predict(section)
    prob, dist = whole.prob.copy(), whole.dist.copy()

    for row in tile_rows(
        (section.shape[0], section.shape[1]),
        alignment=engine.alignment,
        halo=engine.halo,
        counts=tiles,
    ):
        for tile in row:
            part = section[slice(*tile.outer_y), slice(*tile.outer_x)]
            found = engine.predict(part, tile.margins)
            core = tuple(slice(a // 2, b // 2) for a, b in (tile.core_y, tile.core_x))
            assert np.array_equal(found.prob, prob[core])
            assert np.array_equal(found.dist, dist[core])


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_change_nothing(
    engine: WinogradEngine,
    section: NDArray[np.float32],
    threads: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    part = section[:208, :304]
    expected = engine.predict(part)

    found = WinogradEngine(open_model("demo")).predict(part)

    assert np.array_equal(found.prob, expected.prob)
    assert np.array_equal(found.dist, expected.dist)


def test_objects_are_given_where_they_are_asked_for(
    engine: WinogradEngine, section: NDArray[np.float32]
) -> None:
    everything = engine.predict(section)
    prob, dist = everything.prob.copy(), everything.dist.copy()

    found = engine.predict(section, min_prob=0.5)

    asked = prob > 0.5
    assert 0.01 < asked.mean() < 0.9
    assert np.array_equal(found.prob, prob)
    assert np.array_equal(found.dist[asked], dist[asked])


@pytest.mark.parametrize(
    ("features", "width"),
    [("+avx2,+avx,+fma", 8), ("+sse2", 4)],
)
@pytest.mark.slow
def test_processors_with_shorter_vectors_find_the_same(
    engine: WinogradEngine,
    section: NDArray[np.float32],
    tmp_path: Path,
    features: str,
    width: int,
) -> None:
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        pytest.skip("the names of these processors' features are those of x86_64")
    part = section[:208, :304]
    np.save(tmp_path / "tile.npy", part)
    expected = engine.predict(part)

    subprocess.run(
        [sys.executable, "-c", OTHER_PROCESSORS, tmp_path / "tile.npy", tmp_path / "found.npz"],
        check=True,
        cwd=Path(__file__).parents[4],
        env={
            **os.environ,
            "NUMBA_CPU_NAME": "generic",
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        },
    )

    with np.load(tmp_path / "found.npz") as found:
        assert found["width"] == width
        np.testing.assert_allclose(found["prob"], expected.prob, atol=1e-5)
        np.testing.assert_allclose(found["dist"], expected.dist, atol=1e-3)


@pytest.mark.model
@pytest.mark.parametrize(
    "settings",
    [
        {"n_channel_in": 3, "grid": (2, 2)},
        {"grid": (4, 4), "n_classes": 3},
        {"grid": (2, 4), "n_rays": 16},
        {"grid": (1, 1), "unet_n_depth": 4, "unet_n_filter_base": 36, "unet_batch_norm": True},
        {"grid": (1, 1), "unet_n_conv_per_depth": 1, "unet_n_filter_base": 20},
        {"grid": (2, 2), "unet_n_conv_per_depth": 3, "n_classes": 20, "net_conv_after_unet": 0},
    ],
    ids=["channels", "classes", "uneven", "deep", "one_convolution", "no_features"],
)
def test_models_of_many_shapes_are_run_as_onnx_runtime_runs_them(
    tmp_path: Path, settings: dict[str, Any], section: NDArray[np.float32]
) -> None:
    model = open_model(write_model(tmp_path / "model", {**SMALL, **settings}))
    own, other = WinogradEngine(model), OnnxEngine(model)
    tile = np.concatenate(
        [np.roll(section[:192, :320], 40 * c, axis=0) for c in range(model.n_channels)], axis=2
    )
    margins = (32, 64, 0, 32)

    found, expected = own.predict(tile, margins), other.predict(tile, margins)

    assert found.prob.shape == expected.prob.shape
    np.testing.assert_allclose(found.prob, expected.prob, atol=1e-5)
    np.testing.assert_allclose(found.dist, expected.dist, atol=1e-3)
    assert (found.classes is None) == (expected.classes is None)
    if found.classes is not None and expected.classes is not None:
        np.testing.assert_allclose(found.classes, expected.classes, atol=1e-5)


@pytest.mark.model
@pytest.mark.parametrize("name", ["three_channels", "kernel5_pool4"])
def test_what_it_does_not_know_is_said_and_left_to_onnx_runtime(
    model_of: Callable[[str], ModelFolder], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = model_of(name)

    with pytest.raises(BadInputError, match=r"(activation elu|kernels of 5 x 5), which starbridge"):
        find_engine("starbridge").load(model)

    with caplog.at_level("INFO", logger="bridge"):
        assert isinstance(AUTO.load(model), OnnxEngine)
    assert "starbridge cannot run the model, so another engine does" in caplog.text


def test_the_readme_explains_every_module() -> None:
    folder = Path(reference.__file__).parent
    text = (folder / "README.md").read_text(encoding="utf-8")

    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert modules == set(re.findall(r"^\| \[(\w+\.py)\]", text, re.MULTILINE))


def test_a_plane_that_does_not_fit_into_memory_is_said(
    engine: WinogradEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError("Unable to allocate 9.00 GiB")

    monkeypatch.setattr(engine._workspace, "allocate", full)

    with pytest.raises(BadInputError, match="tile of 64 x 64 pixels does not fit into memory"):
        engine.predict(np.zeros((64, 64, 1), np.float32))


def test_a_damaged_config_is_refused_as_by_the_others() -> None:
    model = open_model("demo")
    odd = replace(model, config={**model.config, "unet_activation": "gelu"})

    with pytest.raises(BadInputError, match="activation 'gelu'"):
        WinogradEngine(odd)


def test_it_runs_where_nothing_else_is_said() -> None:
    assert Segmenter.load("demo", engine="starbridge").engine.name == "starbridge"
