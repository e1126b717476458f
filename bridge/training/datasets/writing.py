"""Write training pairs as a data set of files that StarDist, orgaSeg or cellpose read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.folders import writing_folder
from bridge.files.names import safe_name
from bridge.formats.naming.crops import crop_name, square_brackets
from bridge.training.cutting import Box
from bridge.training.datasets.preparing import Layout
from bridge.training.pairs import IGNORED, TrainingPair
from bridge.training.sources.manifest import MANIFEST, is_dataset, manifest_bytes, manifest_entry

CROPS = "crops"
"""Folder of the image regions of single objects."""

_PLAIN = ("uint8", "uint16", "float32")
"""Types of pixels that every program reads."""

_MOST_LABELS = np.iinfo(np.uint16).max
_COLOURS = 3


def write_dataset(
    pairs: Sequence[TrainingPair],
    out: str | PathLike[str],
    *,
    layout: Layout = "stardist",
    crops: bool = False,
    quadrants: bool = False,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write a data set, complete or not at all.

    Images and masks lie in ``train``, ``val`` and ``test``, as ``TrainingPair.split`` says, or
    directly in the folder. Masks have 16 bits; where parts were not reviewed, 32 bits with -1
    there. ``pairs.json`` says where each pair came from.

    Args:
        pairs: the pairs, of different names.
        out: the folder.
        layout: names and folders of the files.
        crops: also write the image region of each object, its class in the name.
        quadrants: the pairs are quadrants, ``NAME_0`` to ``NAME_3``, whose masks orgaSeg calls
            ``NAME_segmentation_0`` to ``NAME_segmentation_3``.
        overwrite: replace a data set that is there.
        settings: how the pairs were made: JSON values, for the manifest.

    Raises:
        BadInputError: the folder is there, or cannot be written; two pairs of one name, or
            whose crops would have one; with another layout than ``stardist``, parts that were not
            reviewed.

    >>> import tempfile
    >>> pair = TrainingPair(name="a", image=np.eye(9), labels=np.eye(9, dtype=int), split="train")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dataset([pair], f"{folder}/set")
    ...     sorted(path.name for path in Path(folder, "set", "train").rglob("*.tif"))
    ['a.tif', 'a.tif']
    """
    final = Path(out)
    check_free(final, overwrite=overwrite)
    places = [_places(pair, layout, quadrants=quadrants) for pair in pairs]
    _check_places(pairs, places)
    if crops:
        starts = [square_brackets(safe_name(pair.name)) for pair in pairs]
        crop_places = [
            (f"{_crops_folder(pair)}/{start}",) for pair, start in zip(pairs, starts, strict=True)
        ]
        _check_places(pairs, crop_places)
    with writing_folder(final) as folder:
        entries, listed = [], []
        for pair, (image, mask) in zip(pairs, places, strict=True):
            stored = replace(_numbered(pair), image=_plain(pair.image))
            _write_image(stored.image, folder / image)
            _write_mask(stored, folder / mask, layout)
            entries.append(manifest_entry(stored, image, mask))
            if crops:
                listed += _write_crops(stored, folder)
        if crops:
            (folder / CROPS).mkdir(exist_ok=True)
            (folder / CROPS / "crops.csv").write_bytes(_table(listed))
        record = manifest_bytes(entries, {"layout": layout, **(settings or {})})
        (folder / MANIFEST).write_bytes(record)


def object_boxes(labels: NDArray[np.int32]) -> dict[int, Box]:
    """Return the box around each object, by its label.

    >>> object_boxes(np.array([[0, 7, 7], [2, 0, 7]]))
    {2: (1, 0, 2, 1), 7: (0, 1, 2, 3)}
    """
    y, x = np.nonzero(labels > 0)
    ids = labels[y, x]
    order = np.argsort(ids, kind="stable")
    numbers, starts = np.unique(ids[order], return_index=True)
    if not len(numbers):
        return {}
    y, x = y[order], x[order]
    edges = [
        np.minimum.reduceat(y, starts),
        np.minimum.reduceat(x, starts),
        np.maximum.reduceat(y, starts) + 1,
        np.maximum.reduceat(x, starts) + 1,
    ]
    boxes = np.stack(edges, axis=1).tolist()
    return {
        int(number): (top, left, bottom, right)
        for number, (top, left, bottom, right) in zip(numbers, boxes, strict=True)
    }


def check_free(out: Path, *, overwrite: bool) -> None:
    """Check that a data set may be written to a folder.

    Raises:
        BadInputError: it is there; with ``overwrite``, it is something else than a data set.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise BadInputError(
            out, "is there already", "choose another --out, or --overwrite to replace it"
        )
    if not is_dataset(out):
        raise BadInputError(
            out, "is no data set of starbridge pairs, and is not replaced", "choose another --out"
        )


def _places(pair: TrainingPair, layout: Layout, *, quadrants: bool) -> tuple[str, str]:
    """Return the paths of a pair's image and mask in the data set."""
    name = safe_name(pair.name) or "_"
    folder = f"{pair.split}/" if pair.split else ""
    if layout == "cellpose":
        return f"{folder}{name}.tif", f"{folder}{name}_masks.tif"
    if layout == "stardist":
        return f"{folder}images/{name}.tif", f"{folder}masks/{name}.tif"
    stem, _, number = name.rpartition("_")
    mask = f"{name}_segmentation"
    if stem and number in ("0", "1", "2", "3") and (quadrants or stem == pair.group):
        mask = f"{stem}_segmentation_{number}"
    return f"{folder}images/{name}.tiff", f"{folder}masks/{mask}.tiff"


def _crops_folder(pair: TrainingPair) -> str:
    return f"{CROPS}/{pair.split}" if pair.split else CROPS


def _check_places(pairs: Sequence[TrainingPair], places: Sequence[tuple[str, ...]]) -> None:
    seen: dict[str, TrainingPair] = {}
    for pair, written in zip(pairs, places, strict=True):
        for place in written:
            # Windows and macOS do not tell A.tif from a.tif.
            first = seen.setdefault(place.casefold(), pair)
            if first is not pair:
                raise BadInputError(
                    pair.source or pair.name,
                    f"would be written to {place}, and so would {first.source or first.name}",
                    "rename one of them",
                )


def _numbered(pair: TrainingPair) -> TrainingPair:
    """Return a pair whose labels fit into 16 bits, as far as there are not more objects."""
    if pair.labels.max(initial=0) <= _MOST_LABELS:
        return pair
    ids = np.unique(pair.labels[pair.labels > 0])
    new = np.arange(1, len(ids) + 1, dtype=np.int32)
    labels = pair.labels.copy()
    labels[pair.labels > 0] = new[np.searchsorted(ids, pair.labels[pair.labels > 0])]
    numbers = dict(zip(ids.tolist(), new.tolist(), strict=True))
    classes = {numbers[label]: kind for label, kind in pair.classes.items() if label in numbers}
    return replace(pair, labels=labels, classes=classes)


def _plain(image: NDArray[Any]) -> NDArray[Any]:
    return image if image.dtype.name in _PLAIN else image.astype(np.float32)


def _write_image(image: NDArray[Any], path: Path) -> None:
    """Write (height, width, channels): a colour image of three 8-bit channels, else a stack."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = image.shape[-1]
    if channels == _COLOURS and image.dtype == np.uint8:
        tifffile.imwrite(path, image, photometric="rgb", compression="zlib")
        return
    planes = np.moveaxis(image, -1, 0)[np.newaxis, np.newaxis, ..., np.newaxis]
    tifffile.imwrite(
        path,
        np.ascontiguousarray(planes),
        imagej=True,
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "TZCYXS"},
    )


def _write_mask(pair: TrainingPair, path: Path, layout: Layout) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    largest = int(pair.labels.max(initial=0))
    is_whole = bool((pair.labels != IGNORED).all())
    if layout != "stardist" and not is_whole:
        raise BadInputError(
            pair.source or pair.name,
            f"was reviewed in parts, and the layout {layout} cannot say so",
            "use --layout stardist",
        )
    kind = np.uint16 if is_whole and largest <= _MOST_LABELS else np.int32
    tifffile.imwrite(path, pair.labels.astype(kind), photometric="minisblack", compression="zlib")


def _write_crops(pair: TrainingPair, folder: Path) -> list[tuple[str, str, str, int]]:
    """Write the image region of each object; return (file, class, pair, label) of each."""
    rows = []
    for label, (top, left, bottom, right) in object_boxes(pair.labels).items():
        region = pair.image[top:bottom, left:right]
        kind = pair.classes.get(label)
        name = f"{crop_name(safe_name(pair.name), kind, label)}.tif"
        place = f"{_crops_folder(pair)}/{name}"
        _write_image(region, folder / place)
        rows.append((place, kind or "", pair.name, label))
    return rows


def _table(rows: Sequence[tuple[str, str, str, int]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("image_name", "label", "pair", "object"))
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
