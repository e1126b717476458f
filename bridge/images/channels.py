"""Names of an image's channels, and the choice of one of them.

Numbers count from 0, names from 1: a channel without a name is ``C1``, ``C2``, … by its place, as
in ImageJ; QuPath calls it ``Channel 1``. Starbridge's first tables counted these names from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from os import PathLike

from bridge.errors import BadInputError

NUMBERING = "numbering of channels without a name"
"""Part of a result's key in records; results without it have names that count from 0."""

_LABEL_PREFIX = re.compile(r"^([czt]:\d+/\d+ *)+(- )?")  # Bio-Formats writes it
_UNNAMED = re.compile(r"(?:c|channel )([1-9]\d{0,5})")
_STATISTICS = "Mean|Median|Min|Max|Std\\.Dev\\.|Sum"
_COLUMN = re.compile(
    rf"(?P<head>(?:(?:Nucleus|Cytoplasm|Cell): )?)(?P<name>.*?)(?P<tail>: (?:{_STATISTICS}))"
)
_NUMBERED = re.compile(r"(?:C(?P<alone>0|[1-9]\d{0,5})|(?P<name>.+) \(C(?P<of>0|[1-9]\d{0,5})\))")


def name_channels(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Return a name for each channel: the given one, or ``C`` and the channel's place from 1.

    Args:
        names: a name a channel, empty where there is none; ignored if they are not ``count``.
        count: number of channels.

    >>> name_channels(["DAPI", ""], 2), name_channels([], 2)
    (('DAPI', 'C2'), ('C1', 'C2'))
    """
    clean = [str(name or "").strip() for name in names]
    clean = clean if len(clean) == count else [""] * count
    return tuple(name or f"C{place}" for place, name in enumerate(clean, 1))


def name_in_label(label: str) -> str:
    r"""Return the name of a channel in the label of an ImageJ slice, ``""`` where there is none.

    >>> name_in_label("c:1/4 z:1/9 - DAPI"), name_in_label("DAPI\nExposure 20 ms")
    ('DAPI', 'DAPI')
    """
    return _LABEL_PREFIX.sub("", label.partition("\n")[0]).strip()


def channel_titles(names: Sequence[str], *, first: int = 1) -> list[str]:
    """Return a title for each channel in a table; channels of one name get their places.

    Args:
        names: of all channels of an image.
        first: the place of the first channel: 1, or 0 as in starbridge's first tables, where
            channels without a name were called ``C0``, ``C1``, ….

    >>> channel_titles(["DAPI", "488", "488", "C4"])
    ['DAPI', '488 (C2)', '488 (C3)', 'C4']
    >>> channel_titles(["DAPI", "488", "488", "C4"], first=0)
    ['DAPI', '488 (C1)', '488 (C2)', 'C3']
    """
    given = [
        f"C{place + first}" if name == f"C{place + 1}" else name for place, name in enumerate(names)
    ]
    return [
        f"{name} (C{place})" if given.count(name) > 1 else name
        for place, name in enumerate(given, first)
    ]


def is_place(channel: int | str) -> bool:
    """Return whether a choice is the name of a channel without a name.

    >>> is_place("C1"), is_place("Channel 2"), is_place("DAPI"), is_place(1)
    (True, True, False, False)
    """
    return isinstance(channel, str) and _UNNAMED.fullmatch(channel.strip().casefold()) is not None


def find_channel(names: Sequence[str], channel: int | str, source: str | PathLike[str]) -> int:
    """Find a channel by number or name.

    Args:
        names: of all channels, as :func:`name_channels` gives them.
        channel: its number from 0 (also as text), or its name: as it is written, or in another
            case, or a part of it that no other channel has (``"DAPI"`` for ``"DAPI (405)"``). A
            number in range is always the channel's number. ``"Channel 1"`` is QuPath's name of a
            channel ``C1``.
        source: the image, for the message.

    Returns:
        The number of the channel, from 0.

    Raises:
        BadInputError: for a channel that does not exist or a text that fits several; the message
            lists the channels.

    >>> find_channel(["DAPI (405)", "C2"], "dapi", "a.tif"), find_channel(["C1"], "0", "a.tif")
    (0, 0)
    """
    text = str(channel).strip()
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    if not isinstance(channel, str):
        raise no_channel(names, source, f"has no channel {channel}")
    wanted = text.casefold()
    folded = [name.casefold() for name in names]
    unnamed = _UNNAMED.fullmatch(wanted)
    for fits in (
        [i for i, name in enumerate(names) if name == text],
        [i for i, name in enumerate(folded) if name == wanted],
        [
            i
            for i, name in enumerate(folded)
            if unnamed and int(unnamed[1]) == i + 1 and _UNNAMED.fullmatch(name)
        ],
        [i for i, name in enumerate(folded) if _is_part(wanted, name)],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            several = " and ".join(f"{i} = {names[i]}" for i in fits)
            raise no_channel(names, source, f"has several channels that {text!r} fits ({several})")
    if wanted == "c0" and any(name == f"C{place}" for place, name in enumerate(names, 1)):
        raise no_channel(
            names, source, "has no channel 'C0', as channels without a name count from 1"
        )
    raise no_channel(names, source, f"has no channel {text!r}")


def no_channel(names: Sequence[str], source: str | PathLike[str], problem: str) -> BadInputError:
    """Return the error for a missing or wrong choice, which lists the channels."""
    return BadInputError(
        source, problem, f"choose a channel by number or name: {list_channels(names)}"
    )


def list_channels(names: Sequence[str]) -> str:
    """Return number and name of each channel as a text.

    >>> list_channels(["DAPI", "C2"])
    '0 = DAPI, 1 = C2'
    """
    return ", ".join(f"{number} = {name}" for number, name in enumerate(names))


def count_from_1(columns: Iterable[str]) -> dict[str, str]:
    """Rename the columns of a table in which channels without a name count from 0.

    Such a table has a ``C0``, as in ``Nucleus: C0: Mean``; starbridge wrote it before names
    counted from 1.

    Args:
        columns: titles of the columns of a table.

    Returns:
        New titles by the old ones, only of columns that change.

    >>> count_from_1(["Nucleus: C0: Mean", "Nucleus: C1: Mean", "Nucleus: DAPI: Mean", "C0"])
    {'Nucleus: C0: Mean': 'Nucleus: C1: Mean', 'Nucleus: C1: Mean': 'Nucleus: C2: Mean'}
    >>> count_from_1(["Nucleus: C1: Mean", "Nucleus: C2: Mean"])
    {}
    """
    numbered = {}
    for column in columns:
        whole = _COLUMN.fullmatch(str(column))
        channel = whole and _NUMBERED.fullmatch(whole["name"])
        if whole and channel:
            numbered[column] = (whole, channel, int(channel["alone"] or channel["of"] or 0))
    if all(number > 0 for _, _, number in numbered.values()):
        return {}
    renamed = {}
    for column, (whole, channel, number) in numbered.items():
        name = f"C{number + 1}" if channel["name"] is None else f"{channel['name']} (C{number + 1})"
        renamed[column] = f"{whole['head']}{name}{whole['tail']}"
    return renamed


def _is_part(text: str, name: str) -> bool:
    """Return whether a text is a part of a channel's name; a number only where it is one there.

    A user who counts five channels from 1 and asks for channel 5 does not mean ``"DAPI (405)"``,
    and gets no ``"C5"`` either: 4 would be the same channel.
    """
    if text.isdecimal():
        return _UNNAMED.fullmatch(name) is None and text in re.findall(r"\d+", name)
    return bool(text) and text in name
