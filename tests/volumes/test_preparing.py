"""Prepared volumes: true factors, exact quantiles, and nothing that is silently wrong."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.volumes import open_volume
from bridge.volumes.preparing import NORMALIZATION, Prepared, PrepareSettings, prepare_volume
from tests.volumes.scenes import volume_of

VOXEL = (1.0, 0.36, 0.36)


def scene() -> NDArray[Any]:
    """Two channels of 16 bit, of 9 × 40 × 44 voxels."""
    return np.random.default_rng(1).gamma(2, 500, (2, 9, 40, 44)).astype(np.uint16)


def prepare(values: NDArray[Any], path: Path, **settings: Any) -> Prepared:
    return prepare_volume(volume_of(values, VOXEL), path, PrepareSettings(**settings))


def test_the_file_says_how_large_its_voxels_really_are(tmp_path: Path) -> None:
    made = prepare(scene(), tmp_path / "V.h5", factors=(1, 1 / 3, 1 / 3))
    # 40 → 13 and 44 → 15 are not 1/3
    assert made.provenance.factors == (1, 13 / 40, 15 / 44)
    with open_volume(tmp_path / "V.h5") as volume:
        assert volume.shape == (9, 13, 15)
        assert volume.known_voxel == pytest.approx((1, 0.36 * 40 / 13, 0.36 * 44 / 15))
        assert volume.size_um == pytest.approx((9, 0.36 * 40, 0.36 * 44))
        assert volume.provenance == made.provenance
        assert volume.dtype == np.uint16


def test_a_volume_that_is_prepared_twice_keeps_its_first_image(tmp_path: Path) -> None:
    first = prepare(scene(), tmp_path / "V.h5", isotropic=True)
    with open_volume(tmp_path / "V.h5") as volume:
        again = prepare_volume(volume, tmp_path / "W.h5", PrepareSettings(factors=(0.5, 0.5, 0.5)))
    assert again.provenance.source == first.provenance.source
    assert again.provenance.shape == (9, 40, 44)
    assert again.provenance.voxel == VOXEL
    with open_volume(tmp_path / "W.h5") as volume:
        assert volume.size_um == pytest.approx((9, 0.36 * 40, 0.36 * 44))


def test_every_channel_is_normalized_by_its_own_quantiles(tmp_path: Path) -> None:
    values = scene()
    values[1] //= 7
    made = prepare(values, tmp_path / "V.h5", normalize=(0.01, 0.998))
    expected = [np.quantile(channel, (0.01, 0.998)) for channel in values]
    np.testing.assert_allclose(made.ranges, expected)
    with h5py.File(tmp_path / "V.h5") as file:
        found = np.asarray(file["image"])
        note = json.loads(file["image"].attrs[NORMALIZATION])
    assert note["quantiles"] == [0.01, 0.998]
    assert found.dtype == np.float32
    for channel, (low, high) in enumerate(expected):
        scaled = np.clip((values[channel] - low) / (high - low), 0, 1)
        np.testing.assert_allclose(found[channel], scaled, atol=1e-5)


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 255), ("uint16", 65535)])
def test_normalized_whole_numbers_use_their_whole_range(
    tmp_path: Path, dtype: str, most: int
) -> None:
    prepare(scene(), tmp_path / "V.h5", normalize=(0, 1), dtype=dtype)
    with open_volume(tmp_path / "V.h5") as volume:
        found = volume.read()
    assert (found.dtype.name, found.min(), found.max()) == (dtype, 0, most)


def test_values_stay_where_nothing_is_asked_for(tmp_path: Path) -> None:
    values = scene()
    prepare(values, tmp_path / "V.h5")
    with h5py.File(tmp_path / "V.h5") as file:
        np.testing.assert_array_equal(file["image"], values)


def test_labels_stay_labels_with_numbers_of_any_size(tmp_path: Path) -> None:
    labels = np.zeros((6, 20, 20), np.uint32)
    labels[1:5, 2:18, 2:9], labels[1:5, 2:18, 9:18] = 70_000, 3_000_000_001
    prepare(labels, tmp_path / "L.h5", factors=(1, 0.3, 0.3), labels=True)
    with open_volume(tmp_path / "L.h5") as volume:
        found = volume.read()
    assert set(np.unique(found)) == {0, 70_000, 3_000_000_001}


def test_memory_is_bounded_by_slabs_and_not_by_the_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.volumes.volume._SLAB_BYTES", 2**20)
    stack = np.random.default_rng(0).integers(0, 999, (96, 256, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    with open_volume(tmp_path / "a.tif", voxel=(1, 0.5, 0.5)) as volume:
        settings = PrepareSettings(isotropic=True, normalize=(0.01, 0.998))
        prepare_volume(volume, tmp_path / "warm.h5", settings)
        tracemalloc.start()
        prepare_volume(volume, tmp_path / "V.h5", settings)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < stack.nbytes


def test_a_hyperstack_of_fiji_is_prepared_as_it_is(tmp_path: Path) -> None:
    image = from_array(scene(), axes="CZYX", pixel_size=VOXEL, channels=["DAPI", "GFP"])
    write_hyperstack(image, tmp_path / "a.tif")
    with open_volume(tmp_path / "a.tif", channel="GFP") as volume:
        made = prepare_volume(volume, tmp_path / "V.h5", PrepareSettings(isotropic=True))
    assert made.channels == ("GFP",)
    assert made.provenance.shape == (9, 40, 44)
    assert made.provenance.voxel == pytest.approx(VOXEL)


@pytest.mark.parametrize(
    ("change", "settings", "told"),
    [
        (np.nan, {}, r"no numbers \(NaN or infinite; the first in slice 2 of channel C2\)"),
        (np.inf, {"normalize": (0.01, 0.998)}, "the first in slice 2 of channel C2"),
        (None, {"dtype": "uint8"}, "uint8 does not hold the values"),
        (None, {"labels": True}, "are no label ids"),
    ],
)
def test_values_that_cannot_be_written_are_refused_and_nothing_is_left(
    tmp_path: Path, change: float | None, settings: dict[str, Any], told: str
) -> None:
    values = scene().astype(np.float32)
    if change is not None:
        values[1, 2, 3, 4] = change
    with pytest.raises(BadInputError, match=told):
        prepare(values, tmp_path / "V.h5", **settings)
    assert not list(tmp_path.iterdir())


def test_an_empty_channel_cannot_be_normalized(tmp_path: Path) -> None:
    values = scene()
    values[1] = 7
    with pytest.raises(BadInputError, match=r"has 7 at both quantiles .* of channel C2"):
        prepare(values, tmp_path / "V.h5", normalize=(0.01, 0.998))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"isotropic": True, "factors": (1, 1, 1)}, "contradict each other"),
        ({"normalize": (0.9, 0.1)}, "are not two quantiles in order"),
        ({"labels": True, "normalize": (0.1, 0.9)}, "leave out --normalize"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        PrepareSettings(**settings)
