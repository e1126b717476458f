"""Read how QuPath makes an image of its file, from the image's server builder in the project.

Format: ``serverBuilder`` of an image in ``project.qpproj``, a builder in a builder, each with its
``builderType``; listed in QuPath's ``ImageServers`` (0.2 to 0.7):
https://github.com/qupath/qupath/blob/v0.6.0/qupath-core/src/main/java/qupath/lib/images/servers/ImageServers.java
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.apps.qupath.image_transform import Affine, ImageTransform, Size

DEEPEST = 20
"""Builders inside each other that are read; a project file may come from a stranger."""

_MOST = 2**31 - 1  # QuPath's own limit of a side
_ROTATIONS = {"ROTATE_NONE": 0, "ROTATE_90": 90, "ROTATE_180": 180, "ROTATE_270": 270}
_FLIPS = {"NONE": "", "HORIZONTAL": "x", "VERTICAL": "y", "BOTH": "xy"}
_COMPUTED = {
    "color_deconvolved": "its stains separated",
    "normalized": "its intensities normalized",
    "typeConvert": "its pixels of another type",
}
"""Builders that change the values of pixels and leave them where they are."""

_PLANES = {
    "sliced": "shows some of its file's slices or time points",
    "z_projected": "is a projection of its file's slices",
    "z_concatenated": "is put together from slices of several images",
    "sparse": "is put together from regions of other images",
}
"""Builders whose coordinates are not those of one plane of one file."""


class _UnreadableError(Exception):
    """A description that cannot be read as one file; its text is a clause."""


@dataclass(frozen=True)
class _Shown:
    """Part of the file that a builder shows."""

    transform: ImageTransform
    uri: str
    channel_names: tuple[str, ...]  # of what is shown, where the project says


def read_server(server: Any) -> ImageTransform:
    """Read the transformation of an image from its ``serverBuilder``.

    Args:
        server: the JSON value, which may be damaged.

    Returns:
        The transformation; with ``problem`` where it cannot be expressed.

    >>> uri = {"builderType": "uri", "uri": "file:/a.tif", "metadata": {"width": 40, "height": 30}}
    >>> read_server({"builderType": "rotated", "rotation": "ROTATE_90", "builder": uri}).shown_size
    (30, 40)
    """
    try:
        return _read(server, 0).transform
    except _UnreadableError as error:
        return ImageTransform(shown_size=_size_of(server), problem=str(error))


def _read(server: Any, depth: int) -> _Shown:
    if not isinstance(server, dict) or depth > DEEPEST:
        raise _UnreadableError("does not say how it is made of its file")
    kind = str(server.get("builderType", "uri" if "uri" in server else None))
    if kind == "uri":
        shown = _read_file(server)
    elif kind in _READERS:
        shown = _READERS[kind](server, depth)
    elif kind in _COMPUTED:
        shown = _computed(_inner(server, depth), _COMPUTED[kind])
    else:
        raise _UnreadableError(
            _PLANES.get(kind, f"is made of its file by {kind[:40]!r}, which is not known")
        )
    names = _channel_names(server) or shown.channel_names
    return replace(shown, transform=_with_size(shown.transform, server), channel_names=names)


def _with_size(transform: ImageTransform, server: dict[str, Any]) -> ImageTransform:
    """Return the transformation with the size that a builder's own metadata says."""
    said = _size_of(server)
    if said is None:
        return transform
    if transform.shown_size is not None and transform.shown_size != said:
        width, height = transform.shown_size
        raise _UnreadableError(
            f"is {said[0]} x {said[1]} px by one part of its description and {width} x {height} "
            "px by another"
        )
    return _sized(transform, said)


def _sized(transform: ImageTransform, shown: Size) -> ImageTransform:
    """Return the transformation with the size that is shown, and the file's where it follows."""
    if transform.keeps_frame:
        return replace(transform, shown_size=shown, file_size=shown)
    return replace(transform, shown_size=shown)


def _inner(server: dict[str, Any], depth: int) -> _Shown:
    return _read(server.get("builder"), depth + 1)


def _read_file(server: dict[str, Any]) -> _Shown:
    uri = server.get("uri")
    given = server.get("args")
    args = [str(word) for word in given] if isinstance(given, list) else []
    series = _option(args, "--series", "-s")
    if series is None or not series.isdecimal():
        series = _option(args, "--name", "-n")
    transform = ImageTransform(series=series or None)
    if _option(args, "--dims"):
        transform = replace(transform, pixel_problem="has its dimensions swapped in QuPath")
    if _option(args, "--order") not in (None, "RGB"):
        transform = replace(transform, pixel_problem="has its colours swapped in QuPath")
    size = _size_of(server)
    transform = replace(transform, file_size=size, shown_size=size)
    turn = _option(args, "--rotate")
    if turn is not None:  # without a provider QuPath's own reader takes it
        if server.get("providerClassName") is not None or turn not in _ROTATIONS:
            raise _UnreadableError(f"is rotated in a way that is not known ({turn[:20]!r})")
        # the size of a builder is that of what it builds: here, after the rotation
        transform = replace(transform, file_size=None, shown_size=None)
        transform = _rotated(transform, _ROTATIONS[turn], size)
    return _Shown(transform, uri if isinstance(uri, str) else "", ())


def _read_rotated(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    degrees = _ROTATIONS.get(str(server.get("rotation")))
    if degrees is None:
        raise _UnreadableError(
            f"is rotated by what is not known ({str(server.get('rotation'))[:20]!r})"
        )
    return replace(inner, transform=_rotated(inner.transform, degrees, _size_of(server)))


def _rotated(before: ImageTransform, degrees: int, after: Size | None) -> ImageTransform:
    if not degrees:
        return before
    quarter = degrees != 180
    size = before.shown_size
    if size is None and after is not None:
        size = after[::-1] if quarter else after
    if size is None:
        raise _UnreadableError("is rotated, and its size before it is not known")
    return _followed(
        _sized(before, size),
        Affine.rotation(degrees, *size),
        size[::-1] if quarter else size,
        f"rotated by {degrees}°",
    )


def _read_flipped(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    axes = _FLIPS.get(str(server.get("flip")))
    if axes is None:
        raise _UnreadableError(f"is flipped in an unknown way ({str(server.get('flip'))[:20]!r})")
    if not axes:
        return inner
    size = inner.transform.shown_size or _size_of(server)
    if size is None:
        raise _UnreadableError("is flipped, and its size is not known")
    flip = Affine(
        xx=-1 if "x" in axes else 1,
        yy=-1 if "y" in axes else 1,
        dx=size[0] if "x" in axes else 0,
        dy=size[1] if "y" in axes else 0,
    )
    known = _sized(inner.transform, size)
    return replace(inner, transform=_followed(known, flip, size, "flipped"))


def _read_cropped(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    region = server.get("region")
    place = region if isinstance(region, dict) else {}
    x, y = (_whole(place.get(key, 0), -_MOST) for key in ("x", "y"))
    width, height = (_whole(place.get(key), 1) for key in ("width", "height"))
    if x is None or y is None or width is None or height is None:
        raise _UnreadableError("is cropped, and to which region is not readable")
    crop = _followed(
        inner.transform,
        Affine(dx=-x, dy=-y),
        (width, height),
        f"cropped to {width} x {height} px at ({x}, {y})",
    )
    return replace(inner, transform=crop)


def _read_affine(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    given = server.get("transform")
    words = ("m00", "m01", "m10", "m11", "m02", "m12")
    values = [_number(given.get(word)) for word in words] if isinstance(given, dict) else []
    known = [value for value in values if value is not None]
    matrix = Affine(*known) if len(known) == len(words) else None
    if matrix is None or not matrix.is_invertible:
        raise _UnreadableError("is transformed by a matrix that has no inverse")
    return replace(
        inner,
        transform=_followed(
            inner.transform, matrix, _size_of(server) or _bounds(inner, matrix), _in_words(matrix)
        ),
    )


def _in_words(matrix: Affine) -> str:
    if matrix.xy == matrix.yx == 0 and matrix.xx > 0 and matrix.yy > 0:
        scale = f"{matrix.xx:.4g}" + ("" if matrix.xx == matrix.yy else f" x {matrix.yy:.4g}")
        return f"rescaled by {scale}"
    return "transformed by an affine matrix"


def _bounds(inner: _Shown, matrix: Affine) -> Size | None:
    """Return the size of the frame around a transformed image, as QuPath makes it."""
    if inner.transform.shown_size is None:
        return None
    width, height = inner.transform.shown_size
    corners = [matrix.apply(x, y) for x in (0, width) for y in (0, height)]
    sides = [max(axis) - min(axis) for axis in zip(*corners, strict=True)]
    # a side of 39.99999 px and one of 40.00001 px are 40 px
    width, height = (math.ceil(round(side, 6)) for side in sides)
    return (width, height) if 0 < width <= _MOST and 0 < height <= _MOST else None


def _computed(inner: _Shown, how: str) -> _Shown:
    """Return what is shown where the values of pixels are not those of the file."""
    problem = inner.transform.pixel_problem or f"has pixels that QuPath computes ({how})"
    transform = replace(inner.transform, pixel_problem=problem, channels=None)
    return replace(inner, transform=_stepped(transform, f"with {how}"))


def _read_channels_of_colour(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    order = str(server.get("order"))
    if sorted(order) != sorted("RGB"):
        raise _UnreadableError(f"has its colours in an unknown order ({order[:20]!r})")
    taken = tuple("RGB".index(letter) for letter in order)
    return _selected(inner, taken, "with its colours swapped")


def _read_color(server: dict[str, Any], depth: int) -> _Shown:
    """Read a channel transform: channels of the file, or such as are computed from them."""
    inner = _inner(server, depth)
    given = server.get("transforms")
    taken: list[int | str] = []
    for transform in given if isinstance(given, list) and given else [None]:
        record = transform if isinstance(transform, dict) else {}
        number, name = _whole(record.get("channel"), 0), record.get("channelName")
        if number is not None:
            taken.append(number)
        elif isinstance(name, str) and name in inner.channel_names:
            taken.append(inner.channel_names.index(name))
        elif isinstance(name, str):
            taken.append(name)
        else:
            return _computed(replace(inner, channel_names=()), "its channels mixed")
    return _selected(inner, tuple(taken), "with some of its channels")


def _selected(inner: _Shown, taken: tuple[int | str, ...], how: str) -> _Shown:
    """Return what is shown after channels were selected among those that are shown."""
    before, transform = inner.transform.channels, inner.transform
    if before is not None:
        if not all(isinstance(one, int) and one < len(before) for one in taken):
            transform = replace(transform, pixel_problem="has channels that are not known")
            return replace(inner, transform=_stepped(transform, how), channel_names=())
        taken = tuple(before[int(one)] for one in taken)
    return replace(inner, transform=_stepped(replace(transform, channels=taken), how))


def _read_concatenated(server: dict[str, Any], depth: int) -> _Shown:
    """Read an image whose channels are those of several; of one file they may differ in theirs."""
    given = server.get("channels")
    if not isinstance(given, list) or not 0 < len(given) <= 1000:
        raise _UnreadableError("is put together from channels that are not named")
    parts = [_read(part, depth + 1) for part in given]
    first = parts[0]
    channels: list[int | str] = []
    for part in parts:
        same = replace(
            part.transform, channels=None, steps=(), pixel_problem=None, shown_size=None
        ) == replace(first.transform, channels=None, steps=(), pixel_problem=None, shown_size=None)
        if not same or part.uri != first.uri:
            raise _UnreadableError("is put together from channels of several images")
        channels += part.transform.channels or range(len(part.channel_names))
    problems = [part.transform.pixel_problem for part in parts]
    if any(not part.transform.channels and not part.channel_names for part in parts):
        problems.append("has channels that are not known")
    transform = replace(
        first.transform,
        channels=tuple(channels),
        pixel_problem=next((problem for problem in problems if problem), None),
    )
    return replace(
        first, transform=_stepped(transform, "with its channels rearranged"), channel_names=()
    )


def _read_pyramid(server: dict[str, Any], depth: int) -> _Shown:
    inner = _inner(server, depth)
    return replace(inner, transform=_stepped(inner.transform, "as a pyramid"))


def _followed(before: ImageTransform, step: Affine, size: Size | None, word: str) -> ImageTransform:
    """Return a transformation with one more step."""
    return replace(
        before,
        to_shown=before.to_shown.then(step),
        shown_size=size,
        steps=(*before.steps, word),
    )


def _stepped(transform: ImageTransform, word: str) -> ImageTransform:
    return replace(transform, steps=(*transform.steps, word))


def _option(args: list[str], *names: str) -> str | None:
    """Return the value of an option among the words of a command line."""
    for place, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name in names:
            if equals:
                return value
            return args[place + 1] if place + 1 < len(args) else None
    return None


def _size_of(server: Any) -> Size | None:
    metadata = server.get("metadata") if isinstance(server, dict) else None
    if not isinstance(metadata, dict):
        return None
    width, height = (_whole(metadata.get(key), 1) for key in ("width", "height"))
    return None if width is None or height is None else (width, height)


def _channel_names(server: dict[str, Any]) -> tuple[str, ...]:
    metadata = server.get("metadata")
    listed = metadata.get("channels") if isinstance(metadata, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return ()
    return tuple(str(one.get("name")) for one in listed)


def _whole(value: Any, least: int) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and number >= least else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _MOST else None  # NaN compares false


_READERS: Mapping[Any, Callable[[dict[str, Any], int], _Shown]] = {
    "rotated": _read_rotated,
    "cropped": _read_cropped,
    "affine": _read_affine,
    "flipped": _read_flipped,
    "pyramidize": _read_pyramid,
    "swapRedBlue": _read_channels_of_colour,
    "color": _read_color,
    "channels": _read_concatenated,
}
"""Readers by ``builderType``."""
