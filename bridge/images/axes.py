"""Axes of an image: which dimension of a file is which, read or given, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

LETTERS = "TCZYX"
"""Time, channel, slice, row, column."""

_SAMPLES = "S"  # the samples of a colour pixel: a channel axis that has names of its own
_RGB_SIZES = (3, 4)
_REMEDY = "use the letters T, C, Z, Y and X once each, with Y and X among them (for example CYX)"
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True)
class Layout:
    """The axes of an image, for each dimension of the stored array.

    Args:
        shape: size of every stored dimension.
        letters: for every stored dimension its axis (a letter of ``TCZYX``), or None for a
            dimension of size 1 that is no axis of the image.
        is_rgb: whether the channels are the red, green, blue (and alpha) of a colour image.
    """

    shape: tuple[int, ...]
    letters: tuple[str | None, ...]
    is_rgb: bool = False

    @property
    def axes(self) -> str:
        """The axes of the image in file order, for example ``"ZCYX"``."""
        return "".join(letter for letter in self.letters if letter)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Size of every axis in :attr:`axes`."""
        return tuple(size for size, letter in zip(self.shape, self.letters, strict=True) if letter)


def lay_out(
    source: str | PathLike[str],
    shape: Sequence[int],
    *,
    known: Sequence[str | None] | None = None,
    given: str | None = None,
    rgb: bool = False,
) -> Layout:
    """Assign an axis to every dimension, or refuse.

    Args:
        source: the file, named in errors.
        shape: the stored shape.
        known: what the file says of each dimension: a letter of ``TCZYX``, ``S`` for colour
            samples, anything else (or None) where it says nothing usable. None: it says nothing.
        given: the axes a person gave; they override ``known``: ``S`` are colours and ``C`` are
            channels, whatever the file says.
        rgb: whether the file says that its ``S`` dimension holds red, green and blue.

    Returns:
        The layout. Unknown dimensions of size 1 are dropped. Two dimensions need no name: they
        are Y and X.

    Raises:
        BadInputError: for an empty image, dimensions that nothing names, a name used twice, or
            given axes that do not fit.

    >>> lay_out("a.tif", (4, 1, 30, 40), given="CYX").axes
    'CYX'
    """
    shape = tuple(int(size) for size in shape)
    if not shape or 0 in shape:
        raise BadInputError(
            source,
            f"holds no pixels (its size is {_times(shape) or 'none'})",
            "save the image again, with pixels in it",
        )
    colour = [i for i, letter in enumerate(known or ()) if rgb and letter == _SAMPLES]
    if given is not None:
        letters: tuple[str | None, ...] = _fit(source, shape, parse_axes(source, given))
        colour = [i for i, letter in enumerate(letters) if letter == _SAMPLES]
    else:
        letters = _read(source, shape, known)
    named = tuple("C" if letter == _SAMPLES else letter for letter in letters)
    is_rgb = any(named[i] == "C" and shape[i] in _RGB_SIZES for i in colour)
    return Layout(shape, named, is_rgb)


def parse_axes(source: str | PathLike[str], given: str) -> str:
    """Check axes that a user gave.

    Args:
        source: the file they were given for, named in errors.
        given: 2 to 5 letters of ``TCZYX`` (``S`` for colour samples in place of ``C``), each
            once, Y and X among them, in any case.

    Returns:
        The letters in upper case.

    Raises:
        BadInputError: for any other text.

    >>> parse_axes("a.tif", "zyx")
    'ZYX'
    """
    letters = given.strip().upper()
    problem = ""
    if wrong := [letter for letter in letters if letter not in LETTERS + _SAMPLES]:
        problem = f"{wrong[0]!r} is not an axis"
    elif twice := [letter for letter in letters if letters.count(letter) > 1]:
        problem = f"{twice[0]} is there twice"
    elif _SAMPLES in letters and "C" in letters:
        problem = "C and S both mean channels"
    elif "Y" not in letters or "X" not in letters:
        problem = "Y and X are needed"
    if problem:
        raise BadInputError(source, f"cannot be read with axes {given!r}: {problem}", _REMEDY)
    return letters


def _read(
    source: str | PathLike[str], shape: tuple[int, ...], known: Sequence[str | None] | None
) -> tuple[str | None, ...]:
    letters: list[str | None]
    if known is None:
        letters = _only_rows_and_columns(shape)
    else:
        letters = [letter if letter in tuple(LETTERS + _SAMPLES) else None for letter in known]
        # Files say "one sample a pixel" or "one of something": neither is an axis of the image.
        letters = [
            None if letter == _SAMPLES and size == 1 else letter
            for letter, size in zip(letters, shape, strict=True)
        ]
        if _SAMPLES in letters and "C" in letters and shape[letters.index("C")] == 1:
            letters[letters.index("C")] = None
    unnamed = [
        i
        for i, (letter, size) in enumerate(zip(letters, shape, strict=True))
        if letter is None and size > 1
    ]
    if unnamed or "Y" not in letters or "X" not in letters:
        raise _unnamed(source, shape, letters, unnamed)
    channels = [letter for letter in letters if letter in ("C", _SAMPLES)]
    if len(channels) > 1:
        raise BadInputError(
            source,
            "has both channels and colours in every channel",
            "save the channels as grey images (in Fiji: Image › Type › 16-bit)",
        )
    named = [letter for letter in letters if letter]
    if len(set(named)) < len(named):
        raise BadInputError(
            source,
            f"names an axis twice ({''.join(named)})",
            f"give --axes: {_REMEDY}",
        )
    return tuple(letters)


def _only_rows_and_columns(shape: tuple[int, ...]) -> list[str | None]:
    """Name Y and X where nothing else is larger than 1."""
    letters: list[str | None] = [None] * len(shape)
    long = [i for i, size in enumerate(shape) if size > 1]
    if len(shape) >= 2 and len(long) == 2:
        letters[long[0]], letters[long[1]] = "Y", "X"
    elif len(shape) == 2 or (len(shape) > 2 and not set(long) - {len(shape) - 2, len(shape) - 1}):
        letters[-2:] = ["Y", "X"]
    return letters


def _fit(
    source: str | PathLike[str], shape: tuple[int, ...], letters: str
) -> tuple[str | None, ...]:
    """Lay given letters on the stored dimensions, leaving out dimensions of size 1 as needed."""
    single = [i for i, size in enumerate(shape) if size == 1]
    excess = len(shape) - len(letters)
    fits: dict[tuple[tuple[str, int], ...], tuple[str | None, ...]] = {}
    for left_out in combinations(single, excess) if 0 <= excess <= len(single) else ():
        remaining = iter(letters)
        fit = tuple(None if i in left_out else next(remaining) for i in range(len(shape)))
        sizes = tuple((letter, shape[i]) for i, letter in enumerate(fit) if letter)
        fits.setdefault(sizes, fit)
    if len(fits) == 1:
        return next(iter(fits.values()))
    if fits:
        raise BadInputError(
            source,
            f"has {_times(shape)} values, which axes {letters} fit in more than one way",
            f"name all {len(shape)} axes, or only those larger than 1",
        )
    if len(single) == len(shape) or not single:
        number = f"{len(shape)}"
    else:
        number = f"{len(shape) - len(single)} to {len(shape)}"
    raise BadInputError(
        source,
        f"has {_times(shape)} values, which axes {letters} do not fit",
        f"give --axes with {number} letters: {_REMEDY}",
    )


def _unnamed(
    source: str | PathLike[str],
    shape: tuple[int, ...],
    letters: list[str | None],
    unnamed: list[int],
) -> BadInputError:
    long = [i for i, size in enumerate(shape) if size > 1]
    values = _times([shape[i] for i in long] or shape)
    if len(shape) < 2:
        return BadInputError(
            source, f"has {values} values in one row", "give an image with rows and columns"
        )
    named = [letter for letter in letters if letter]
    if not named or not unnamed:
        which = "what its axes are" if not named else "which axes are Y and X"
    else:
        places = [_ORDINALS[long.index(i)] for i in unnamed[: len(_ORDINALS)]]
        verb = "axis is" if len(places) == 1 else "axes are"
        which = f"what the {' and '.join(places)} {verb}"
    return BadInputError(
        source,
        f"has {values} values but nothing says {which}",
        _suggestion([shape[i] for i in long], [letters[i] for i in long]),
    )


def _suggestion(sizes: list[int], letters: list[str | None]) -> str:
    """Suggest axes for the dimensions larger than 1."""
    if len(sizes) > len(LETTERS):
        return "save it with at most five axes (T, C, Z, Y and X)"
    if "Y" not in letters or "X" not in letters:
        # Rows and columns are nearly always the two long sides.
        by_size = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
        y, x = sorted(by_size[:2])
        letters = [None] * len(sizes)
        letters[y], letters[x] = "Y", "X"
    meanings = {"C": "channels", "Z": "slices", "T": "time points"}
    free = [letter for letter in meanings if letter not in letters and _SAMPLES not in letters]
    if _SAMPLES in letters:
        free = ["Z", "T"]
    if letters.count(None) == 1:
        options = [
            f"--axes {''.join(letter or choice for letter in letters)} ({meanings[choice]})"
            for choice in free
        ]
        return f"give {' or '.join(options[:2])}" if options else f"give --axes: {_REMEDY}"
    stack = iter([letter for letter in "TZC" if letter in free][-letters.count(None) :])
    example = "".join(letter or next(stack, "") for letter in letters)
    return f"give --axes, for example --axes {example} (T time, C channels, Z slices)"


def _times(shape: Sequence[int]) -> str:
    return " × ".join(str(size) for size in shape)
