"""Options for the memory that Java may take and starts with."""

from __future__ import annotations

import pytest

from bridge.errors import BadInputError
from bridge.java.memory import heap_option, initial_heap_option


def test_half_of_the_memory_is_the_default() -> None:
    assert heap_option(None) == "-XX:MaxRAMPercentage=50"
    assert heap_option("4g") == "-Xmx4g"


@pytest.mark.parametrize("heap", ["4", "g", "-4g", "4 GB", "4g -Dx=y", "0m", ""])
def test_an_impossible_amount_is_refused(heap: str) -> None:
    with pytest.raises(BadInputError, match="no amount of memory"):
        heap_option(heap)


@pytest.mark.parametrize(
    ("heap", "option"),
    [
        (None, "-Xms512m"),
        ("3g", "-Xms512m"),
        ("512M", "-Xms512m"),
        ("511m", "-Xms511m"),
        ("100000k", "-Xms100000k"),
    ],
)
def test_java_never_begins_with_more_than_it_may_take(heap: str | None, option: str) -> None:
    assert initial_heap_option(heap, "512m") == option
