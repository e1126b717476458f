"""Profiles of chains of slices: a nucleus for each peak, without the blur between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.segment.profiles import BLUR, VALLEY, split_profile


@pytest.mark.parametrize(
    ("profile", "parts"),
    [
        ([5, 8, 9, 8, 7], [[1, 2, 3, 4]]),  # the first slice shows blur
        ([9, 8.5, 9], [[0, 1, 2]]),  # noise is no valley
        ([9, 10, 4, 10, 9], [[0, 1], [3, 4]]),
        ([10, 2, 10, 5, 10], [[0], [2], [4]]),
        ([7], [[0]]),
        ([0, 0], [[0, 1]]),  # no contrast at all: nothing says that they are blur
        ([], []),
    ],
)
def test_peaks_are_nuclei(profile: list[float], parts: list[list[int]]) -> None:
    assert [part.tolist() for part in split_profile(np.array(profile, float))] == parts


@given(st.lists(st.floats(0, 100), max_size=30))
def test_parts_are_ordered_disjoint_and_bright(values: list[float]) -> None:
    profile = np.array(values)

    parts = split_profile(profile)

    joined = np.concatenate(parts) if parts else np.zeros(0, int)
    assert (np.diff(joined) > 0).all()
    for part in parts:
        assert (profile[part] >= BLUR * profile[part].max()).all()
        for middle in part[1:-1]:
            peaks = profile[part[part < middle]].max(), profile[part[part > middle]].max()
            assert profile[middle] >= VALLEY * min(peaks)
