"""The manifest of a data set of training pairs: where each pair came from.

``pairs.json`` lies in the data set's folder and lists, for each pair, its files and everything of
:class:`bridge.training.pairs.TrainingPair` that image files cannot carry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.labels import read_label_image
from bridge.images import open_image
from bridge.images.contents import stays_inside
from bridge.training.pairs import TrainingPair
from bridge.training.sources.masks import check_mask
from bridge.training.sources.options import ANY_SPLIT, OnError, ReadOptions
from bridge.training.sources.planes import read_channels

MANIFEST = "pairs.json"
"""Name of the manifest, by which a data set is recognised."""

FORMAT = "starbridge training pairs"
VERSION = 1
_TEXTS = ("name", "image", "labels", "split", "group", "source", "hash")
_LARGEST = 2**31
_LARGEST_INTENSITY = 3.5e38  # of a 32-bit float; NaN is not below it
_NO_PATH = re.compile(r"[\0\ud800-\udfff]")
_MOST_BYTES = 256 * 2**20
_AGAIN = "write the data set again: starbridge pairs"


def is_dataset(folder: Path) -> bool:
    """Return whether a folder is a data set of ``starbridge pairs``."""
    return (folder / MANIFEST).is_file()


def manifest_entry(pair: TrainingPair, image: str, labels: str) -> dict[str, Any]:
    """Return what a manifest says of a pair.

    Args:
        pair: the pair as it is written.
        image: path of its image in the data set, with slashes.
        labels: path of its labels.

    >>> pair = TrainingPair(name="a", image=np.eye(4), labels=np.eye(4, dtype=int))
    >>> manifest_entry(pair, "images/a.tif", "masks/a.tif")["objects"]
    1
    """
    return {
        "name": pair.name,
        "image": image,
        "labels": labels,
        "split": pair.split,
        "group": pair.group,
        "source": pair.source,
        "frame": list(pair.frame),
        "ranges": None if pair.ranges is None else [list(r) for r in pair.ranges],
        "hash": pair.content_hash,
        "objects": pair.count,
        "reviewed": round(pair.reviewed, 4),
        "classes": {str(label): kind for label, kind in sorted(pair.classes.items())},
    }


def manifest_bytes(entries: list[dict[str, Any]], settings: Mapping[str, Any]) -> bytes:
    """Return the content of a manifest.

    Args:
        entries: of :func:`manifest_entry`.
        settings: how the data set was made: JSON values.
    """
    import bridge

    record = {
        "format": FORMAT,
        "version": VERSION,
        "starbridge": bridge.__version__,
        "settings": dict(settings),
        "pairs": entries,
    }
    return json.dumps(record, indent=1, ensure_ascii=True).encode()


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Read the entries of a data set's manifest, checked.

    Raises:
        BadInputError: damaged, of a later version, or a path that leaves the folder.
    """
    file = folder / MANIFEST
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInputError(file, "is too large for a list of pairs", "do not trust it")
        record = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadInputError(file, f"cannot be read ({error.strerror})", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(file, "is damaged", _AGAIN) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BadInputError(file, "is no list of training pairs", _AGAIN)
    if record.get("version") != VERSION:
        raise BadInputError(
            file, f"is of version {record.get('version')!r}", "use a newer starbridge"
        )
    entries = record.get("pairs")
    if not isinstance(entries, list):
        raise BadInputError(file, "is damaged", _AGAIN)
    for number, entry in enumerate(entries):
        if not _is_sound(entry):
            raise BadInputError(file, f"has a damaged entry (number {number + 1})", _AGAIN)
        for key in ("image", "labels"):
            if not stays_inside(entry[key]):
                raise BadInputError(
                    file, f"names a file outside of its folder: {entry[key]}", "do not trust it"
                )
    return entries


def read_dataset(
    folder: Path, options: ReadOptions, *, on_error: OnError | None
) -> Iterator[TrainingPair]:
    """Read the pairs of a data set that ``starbridge pairs`` wrote.

    Masks may have been corrected since; images may not.

    Args:
        folder: the data set.
        options: ``channels`` and ``keep_empty`` count.
        on_error: as in :func:`bridge.training.sources.read_pairs`.

    Raises:
        BadInputError: as :func:`read_manifest`, or a file is missing, damaged or was changed.
    """
    for entry in read_manifest(folder):
        try:
            yield _read(folder, entry, options)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def _read(folder: Path, entry: dict[str, Any], options: ReadOptions) -> TrainingPair:
    file, mask = folder / entry["image"], folder / entry["labels"]
    with open_image(file) as image:
        everything = ReadOptions(channels=tuple(map(str, range(len(image.channels)))))
        pixels = read_channels(image, everything, (0, 0), str(file))
        chosen = tuple(image.channel_index(channel) for channel in options.channels)
    labels = read_label_image(mask)[0]
    ranges = entry["ranges"]
    if ranges is not None and len(ranges) != pixels.shape[-1]:
        raise BadInputError(
            file, f"has {pixels.shape[-1]} channels, and {len(ranges)} are listed", _AGAIN
        )
    pair = TrainingPair(
        name=entry["name"],
        image=pixels,
        labels=labels,
        classes={int(label): kind for label, kind in entry["classes"].items()},
        source=entry["source"],
        group=entry["group"],
        frame=(entry["frame"][0], entry["frame"][1]),
        ranges=None if ranges is None else tuple((low, high) for low, high in ranges),
        split=entry["split"],
    )
    if pair.content_hash != entry["hash"]:
        raise BadInputError(file, "was changed since the data set was written", _AGAIN)
    if not pair.count and entry.get("objects"):
        check_mask(labels, str(mask), keep_empty=options.keep_empty)
    if chosen:
        pair = _with_channels(pair, chosen)
    return pair


def _with_channels(pair: TrainingPair, chosen: tuple[int, ...]) -> TrainingPair:
    ranges = pair.ranges
    return replace(
        pair,
        image=np.ascontiguousarray(pair.image[..., list(chosen)]),
        ranges=None if ranges is None else tuple(ranges[k] for k in chosen),
    )


def _is_sound(entry: Any) -> bool:
    """Return whether an entry has all that is read of it, of the right types."""
    if not isinstance(entry, dict) or not all(map(_is_text, map(entry.get, _TEXTS))):
        return False
    ranges, frame, classes = (entry.get(key) for key in ("ranges", "frame", "classes"))
    return (
        entry["split"] in ("", *ANY_SPLIT)
        and isinstance(frame, list)
        and len(frame) == 2
        and all(type(n) is int and abs(n) < _LARGEST for n in frame)
        and isinstance(classes, dict)
        and all(_is_label(label) and _is_text(kind) for label, kind in classes.items())
        and (ranges is None or (isinstance(ranges, list) and all(map(_is_range, ranges))))
    )


def _is_text(value: Any) -> bool:
    """Return whether a value is a text that can be a part of a path: no zero, no surrogates."""
    return isinstance(value, str) and not _NO_PATH.search(value)


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < len(str(_LARGEST))


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(n) in (int, float) and abs(n) < _LARGEST_INTENSITY for n in value)
    )
