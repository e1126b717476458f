"""Names of channels, which count from 1, and numbers, which count from 0."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.images.channels import (
    channel_titles,
    count_from_1,
    find_channel,
    is_place,
    name_channels,
)
from bridge.measure.columns import intensity_columns

UNNAMED = name_channels([], 4)


def test_channels_without_a_name_count_from_1() -> None:
    assert UNNAMED == ("C1", "C2", "C3", "C4")
    assert name_channels(["DAPI", " ", "488"], 3) == ("DAPI", "C2", "488")
    assert name_channels(["DAPI"], 2) == ("C1", "C2")


@pytest.mark.parametrize(
    ("choice", "number"),
    [(0, 0), ("0", 0), ("3", 3), ("C1", 0), ("c4", 3), ("Channel 1", 0), ("channel 3", 2)],
)
def test_a_channel_without_a_name_has_a_number_and_a_name(choice: int | str, number: int) -> None:
    assert find_channel(UNNAMED, choice, "a.tif") == number


def test_a_number_is_never_taken_for_a_name_that_counts_from_1() -> None:
    for names in (UNNAMED, ("Channel 1", "Channel 2", "Channel 3", "Channel 4")):
        with pytest.raises(BadInputError, match="has no channel '4'"):
            find_channel(names, "4", "a.tif")


def test_the_name_of_a_first_channel_that_counted_from_0_is_refused_in_one_line() -> None:
    image = from_array(np.zeros((2, 3, 3)), axes="CYX", name="a.tif")
    with pytest.raises(BadInputError) as error:
        image.channel_index("C0")
    assert str(error.value) == (
        "a.tif: has no channel 'C0', as channels without a name count from 1; "
        "choose a channel by number or name: 0 = C1, 1 = C2"
    )


def test_what_a_file_calls_its_channels_stays() -> None:
    image = from_array(np.zeros((2, 3, 3)), axes="CYX", channels=["C0", "C1"])
    assert image.channels == ("C0", "C1")
    assert (image.channel_index("C0"), image.channel_index("C1")) == (0, 1)
    assert channel_titles(image.channels) == ["C0", "C1"]
    assert channel_titles(image.channels, first=0) == ["C0", "C1"]


def test_names_of_channels_by_place_are_known_from_others() -> None:
    assert all(is_place(name) for name in ("C1", "c12", " Channel 1 "))
    assert not any(is_place(name) for name in ("C0", "C01", "DAPI", "C1 (488)", 1))


@pytest.mark.parametrize(
    "names", [("", "", ""), ("DAPI", "", ""), ("", "488", "488"), ("", "DAPI", "")]
)
def test_columns_that_count_from_0_become_those_that_count_from_1(names: tuple[str, ...]) -> None:
    channels = name_channels(names, 3)
    old, new = (
        [
            column
            for title in channel_titles(channels, first=first)
            for part in ("Nucleus", "Cytoplasm", "Cell")
            for column in intensity_columns(part, title, np.zeros((0, 6)))
        ]
        for first in (0, 1)
    )
    renamed = count_from_1(old)
    has_first = any(": C0: " in column or " (C0): " in column for column in old)
    assert [renamed.get(column, column) for column in old] == (new if has_first else old)
    assert count_from_1(new) == {}


def test_only_measurements_of_channels_are_renamed() -> None:
    others = ["C0", "Cluster: C0", "Nucleus: C0: Texture", "label", "SC0: Mean"]
    assert count_from_1(["C0: Mean", *others]) == {"C0: Mean": "C1: Mean"}
