"""Clean-up of probabilities and labels, and what cannot be cleaned up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.volumes.balloon import BalloonSettings
from bridge.volumes.cleaning import Cleaned, CleanSettings, clean_volume
from bridge.volumes.masks import Size
from bridge.volumes.volume import open_volume
from tests.volumes.scenes import ball, volume_of

VOXEL = (2.0, 1.0, 1.0)
SHAPE = (20, 40, 44)
LARGE = ball(SHAPE, (20, 20, 14), 9, VOXEL)
SMALL = ball(SHAPE, (20, 20, 36), 5, VOXEL)
SPECK = ball(SHAPE, (5, 4, 4), 1.5, VOXEL)


def probabilities() -> NDArray[np.float32]:
    """Two balls and a speck, the larger ball with a cavity."""
    values = empty(0.05)
    values[LARGE | SMALL | SPECK] = 0.9
    values[ball(SHAPE, (20, 20, 14), 4, VOXEL)] = 0.1
    return values


def clean(values: NDArray[Any], **settings: Any) -> Cleaned:
    return clean_volume(volume_of(values, VOXEL), CleanSettings(**settings))


def test_pieces_holes_and_specks() -> None:
    cleaned = clean(probabilities(), fill_holes=True, min_size=Size.parse("100um3"))
    np.testing.assert_array_equal(cleaned.labels == 1, LARGE)
    np.testing.assert_array_equal(cleaned.labels == 2, SMALL)
    assert cleaned.labels.max() == 2
    assert cleaned.sizes_um3 == (2 * LARGE.sum(), 2 * SMALL.sum())
    assert clean(probabilities(), keep=1).labels.max() == 1


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_whole_numbers_are_scaled_to_probabilities(dtype: type, full: int) -> None:
    values: NDArray[Any] = np.rint(probabilities() * full).astype(dtype)
    found = clean(values, kind="probabilities", threshold=0.6)
    np.testing.assert_array_equal(found.labels, clean(probabilities(), threshold=0.6).labels)


def test_objects_of_a_label_volume_keep_their_numbers() -> None:
    labels = np.zeros(SHAPE, np.uint32)
    labels[LARGE], labels[SMALL], labels[SPECK] = 70_000, 5, 9
    labels[ball(SHAPE, (20, 20, 14), 4, VOXEL)] = 0
    cleaned = clean(labels, fill_holes=True, min_size=Size.parse("100um3"))
    np.testing.assert_array_equal(cleaned.labels == 70_000, LARGE)
    np.testing.assert_array_equal(cleaned.labels == 5, SMALL)
    assert set(np.unique(cleaned.labels)) == {0, 5, 70_000}
    assert cleaned.labels.dtype == np.uint32
    assert any("up to 70,000: they are written with 32 bits" in line for line in cleaned.notes)
    assert any("--kind probabilities" in line for line in cleaned.notes)


def test_objects_do_not_grow_into_each_other() -> None:
    labels = np.zeros((5, 5, 5), np.uint16)
    labels[...] = 1
    labels[2, 2, 2], labels[0, 0, 0] = 7, 0
    np.testing.assert_array_equal(clean(labels, fill_holes=True).labels, labels)


def test_touching_objects_are_opened_one_by_one() -> None:
    labels = np.zeros((10, 20, 30), np.uint16)
    labels[:, 4:16, 2:15], labels[:, 4:16, 15:28] = 3, 8
    labels[:, 10, 15:28] = 3  # a spike of one into the other
    opened = clean(labels, opening=2.0).labels
    assert (opened[5, 10, 20], opened[5, 8, 8], opened[5, 6, 20]) == (0, 3, 8)


def test_a_mask_is_cut_into_its_pieces() -> None:
    cleaned = clean((LARGE | SMALL).astype(np.uint8) * 255)
    np.testing.assert_array_equal(cleaned.labels == 1, LARGE)
    np.testing.assert_array_equal(cleaned.labels == 2, SMALL)
    assert any("taken for a mask" in line for line in cleaned.notes)


def test_a_balloon_takes_the_place_of_its_wall() -> None:
    voxel = (1.0, 1.0, 1.0)
    shape = (30, 30, 30)
    hollow = ball(shape, (15, 15, 15), 9)
    values = (ball(shape, (15, 15, 15), 12) & ~hollow).astype(np.float32)
    settings = CleanSettings(balloon=BalloonSettings((15.0, 12.0, 15.0)))
    labels = clean_volume(volume_of(values, voxel), settings).labels
    assert not (labels[~hollow] > 0).any()
    assert (labels > 0).sum() >= 0.97 * hollow.sum()


def empty(value: float) -> NDArray[np.float32]:
    """A volume of one probability."""
    values: NDArray[np.float32] = np.full(SHAPE, value, np.float32)
    return values


def with_nan() -> NDArray[np.float32]:
    values = probabilities()
    values[7, 0, 0] = np.nan
    return values


@pytest.mark.parametrize(
    ("values", "settings", "told"),
    [
        (empty(0), {}, "holds nothing but zeros in channel C1, as a run of ilastik that failed"),
        (empty(0.3), {}, r"is empty at threshold 0\.5: the highest probability .* is 0\.3"),
        (empty(0.7), {}, r"is full at threshold 0\.5: the lowest probability .* is 0\.7"),
        (probabilities(), {"threshold": 0.95}, r"is empty at threshold 0\.95: .* is 0\.9"),
        (with_nan(), {}, r"no numbers \(NaN or infinite; the first in slice 7"),
        (probabilities() * 255, {}, r"has values from .* probabilities in floats go from 0 to 1"),
        (probabilities(), {"min_size": Size.parse("9999999um3")}, "has nothing left"),
        (np.zeros(SHAPE, np.uint16), {}, "holds no object"),
        (np.full(SHAPE, 3, np.uint16), {}, "no background"),
        (LARGE.astype(np.uint8) + 1, {}, "labels from 1 to 2 and no background"),
        (LARGE.astype(np.int16) - 1, {}, "no numbers of objects"),
        (LARGE.astype(np.int32), {"kind": "probabilities"}, "no known probability of 1"),
        (np.stack([probabilities()] * 2), {}, r"has 2 channels; choose one .* 0 \(C1\), 1 \(C2\)"),
    ],
)
def test_what_has_no_clean_answer_is_refused(
    values: NDArray[Any], settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInputError, match=told):
        clean(values, **settings)


def test_numbers_out_of_range_are_refused() -> None:
    for threshold in (0, 1.5, np.nan):
        with pytest.raises(BadInputError, match="--threshold: .* is no probability"):
            CleanSettings(threshold)
    with pytest.raises(BadInputError, match="--keep: 0 leaves nothing"):
        CleanSettings(keep=0)


def test_what_ilastik_exported_is_cleaned_up(shared: Path) -> None:
    path = shared / "ilastik" / "volume-image_MyProject-Probabilities.h5"
    with open_volume(path, channel=1, voxel=(1, 0.36, 0.36)) as volume:
        cleaned = clean_volume(volume, CleanSettings(min_size=Size.parse("2um3")))
        values = volume.read()
    assert set(np.unique(values[cleaned.labels > 0] >= 0.5)) == {True}
    assert min(cleaned.sizes_um3) >= 2
