"""Notes on an image: one sentence a kind, that says which planes and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bridge import ImageInfo
from bridge.segment.normalize import IntensityRanges, find_ranges
from bridge.segment.notes import PlaneNotes, note_on_size

SEEN = np.arange(10_000).reshape(100, 100)
BLANK = np.full((100, 100), 3)
NEARLY_ALL_BACKGROUND = np.where(SEEN == 5, 9, 0)


def ranges(*channels: Any) -> IntensityRanges:
    return find_ranges(np.stack(channels, axis=-1), (1, 99.8), "channels", "a.tif")


def lines(planes: Sequence[Sequence[Any]], *, times: int = 1) -> list[str]:
    """Notes on planes of channels, slice after slice of one time point after the other."""
    size_z = len(planes) // times
    names = tuple(f"ch{k}" for k in range(len(planes[0])))
    notes = PlaneNotes(ImageInfo(name="a", size_z=size_z, size_t=times, channels=names), (1, 99.8))
    for n, plane in enumerate(planes):
        notes.add(divmod(n, size_z), range(len(plane)), ranges(*plane))
    return notes.lines()


def test_an_image_with_contrast_needs_no_note() -> None:
    assert lines([[SEEN], [SEEN]]) == []


def test_a_blank_image() -> None:
    assert lines([[BLANK]]) == [
        "every pixel has the value 3, so there are no nuclei: check that this is the right channel"
    ]


@pytest.mark.parametrize(
    ("blank", "planes", "times", "start"),
    [
        ((1,), 3, 1, "slice 1 has one value throughout, so it has"),
        ((0, 2), 3, 1, "slices 0 and 2 have one value throughout, so they have"),
        ((0, 1, 2), 3, 3, "time points 0, 1 and 2 have"),
        ((1, 2), 4, 2, "slice 1 at time 0 and slice 0 at time 1 have"),
        (tuple(range(9)), 40, 1, "9 of 40 slices (0, 1, 2, 3, 4, 5, …) have"),
    ],
)
def test_blank_planes_of_a_stack_share_a_sentence(
    blank: Sequence[int], planes: int, times: int, start: str
) -> None:
    (line,) = lines([[BLANK if n in blank else SEEN] for n in range(planes)], times=times)

    assert line.startswith(start)
    assert line.endswith("no nuclei")


def test_planes_of_almost_only_background_name_the_way_out() -> None:
    (line,) = lines([[SEEN], [NEARLY_ALL_BACKGROUND]])

    assert line.startswith("slice 1 was left out: almost all is background")
    assert "the percentiles 1 and 99.8 are both 0; widen --percentiles (to 0 100)" in line


def test_a_constant_channel_beside_another_is_named() -> None:
    (line,) = lines([[SEEN, BLANK]])

    assert line == "channel ch1 has the value 3 throughout: check that it is the right channel"
    (line,) = lines([[SEEN, SEEN], [SEEN, BLANK]])
    assert line.startswith("channel ch1 has the value 3 throughout in slice 1:")


def discs(diameter: float, count: int = 20) -> Any:
    return np.full(count, np.pi * diameter**2 / 4)


@pytest.mark.parametrize("diameter", [10, 16, 6.2])
def test_nuclei_of_about_the_size_in_training_need_no_hint(diameter: float) -> None:
    assert note_on_size(discs(diameter), (1, 1), 10) is None


@pytest.mark.parametrize(("diameter", "scale"), [(40, "0.25"), (5, "2")])
def test_nuclei_of_another_size_name_the_scale_to_try(diameter: float, scale: str) -> None:
    hint = note_on_size(discs(diameter), (1, 1), 10)

    assert hint == (
        f"nuclei are {diameter} pixels across, and the model learnt them at 10: try --scale {scale}"
    )


def test_what_counts_is_the_size_in_the_enlarged_image() -> None:
    assert note_on_size(discs(5), (2, 2), 10) is None
    hint = note_on_size(discs(10), (4, 4), 10)
    assert hint is not None
    assert "nuclei are 10 pixels across (40 as the model saw them)" in hint
    assert hint.endswith("try --scale 1")


def test_few_nuclei_or_an_unknown_size_in_training_give_no_hint() -> None:
    assert note_on_size(discs(40, 19), (1, 1), 10) is None
    assert note_on_size(discs(40), (1, 1), None) is None
