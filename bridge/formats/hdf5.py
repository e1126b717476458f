"""HDF5 label images as ilastik reads them: dataset ``labels`` with an ``axistags`` attribute.

``axistags`` is vigra's JSON: a key and type flags for each axis (space 2, channel 1, time 8).
Beside the pixels, one-dimensional datasets under ``objects/`` keep UUID, label, probability and
class of each object, and the object of a volume that it is a slice of; ilastik offers only datasets
of two axes or more and so does not see them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numba
import numpy as np
from numpy.typing import NDArray

from bridge.detections import OBJECT, Detections, is_uuid
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.files.hdf5_claims import check_size, own_item
from bridge.formats import existing_file
from bridge.formats.axistags import axistags
from bridge.formats.compressing import zlib_bytes
from bridge.formats.labels import read_label_image
from bridge.images.info import ImageInfo
from bridge.images.series import split_series

DATASET = "labels"
OBJECTS = "objects"
_CHUNK = 512
_GZIP_LEVEL = 2


def write(
    detections: Detections, path: str | PathLike[str], *, labels: NDArray[Any] | None = None
) -> None:
    """Write the label image, gzip-compressed in chunks, with its axes and its objects' UUIDs.

    Args:
        detections: the objects.
        path: the file.
        labels: what :meth:`Detections.to_labels` gives, where it is there already.

    Raises:
        BadInputError: the image's size is not known, or the file cannot be written.
    """
    if labels is None:
        labels = detections.to_labels()
    # The HDF5 library crashes the process when a disk fills up under an open file: the compressed
    # file is made in memory and written in one piece.
    with h5py.File.in_memory() as file:
        _fill(file, detections, labels)
        file.flush()
        write_bytes(path, file.id.get_file_image())


def _fill(file: h5py.File, detections: Detections, labels: NDArray[Any]) -> None:
    axes = detections.label_axes()
    dataset = file.create_dataset(
        DATASET,
        shape=labels.shape,
        dtype=labels.dtype,
        chunks=tuple(
            1 if axis in "TZ" else min(_CHUNK, size)
            for axis, size in zip(axes, labels.shape, strict=True)
        ),
        compression="gzip",
        compression_opts=_GZIP_LEVEL,
    )
    _write_chunks(dataset, labels)
    dataset.attrs["axistags"] = axistags(axes, detections.image.pixel_size)
    if detections.image.pixel_size is not None:
        dataset.attrs["axis_units"] = json.dumps(
            {axis.lower(): "um" for axis in axes if axis in "ZYX"}
        )
    dataset.attrs["image"] = json.dumps(detections.image.to_json())
    frame = detections.objects
    group = file.create_group(OBJECTS)
    for name in ("label", "z", "t", "prob"):
        group.create_dataset(name, data=frame[name].to_numpy())
    group.create_dataset("id", data=_texts(detections.ids))
    for name in ("class", OBJECT):
        if name in frame.columns:
            group.create_dataset(name, data=_texts([text or "" for text in frame[name]]))


def _write_chunks(dataset: h5py.Dataset, labels: NDArray[Any]) -> None:
    """Fill a gzipped dataset, compressing by all processors; HDF5 itself would use one."""

    def compressed(first: tuple[int, ...]) -> bytes:
        here = tuple(slice(i, i + size) for i, size in zip(first, dataset.chunks, strict=True))
        inside = labels[here]
        chunk = np.zeros(dataset.chunks, labels.dtype)  # those at the edges are as large as others
        chunk[tuple(slice(size) for size in inside.shape)] = inside
        return zlib_bytes(chunk, _GZIP_LEVEL)

    starts = (range(0, size, step) for size, step in zip(labels.shape, dataset.chunks, strict=True))
    places = list(product(*starts))
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        for first, data in zip(places, pool.map(compressed, places), strict=True):
            dataset.id.write_direct_chunk(first, data)


def _texts(values: list[str]) -> NDArray[np.bytes_]:
    """Return texts of one length, which HDF5 stores far faster than texts of any length."""
    texts = np.array([value.encode() for value in values], np.bytes_)
    return texts.astype(h5py.string_dtype("utf-8", max(1, texts.dtype.itemsize)))


def read(
    path: str | PathLike[str],
    *,
    dataset: str | None = None,
    axes: str | None = None,
    image: ImageInfo | None = None,
) -> Detections:
    """Read a label image; UUIDs, probabilities and classes too, where the file keeps them.

    Args:
        path: ``.h5`` or ``.hdf5``, or ``FILE#DATASET``.
        dataset: path of the dataset inside the file; ``labels``, or else the only image in it.
        axes: where the file does not say, ``YX``, ``ZYX``, ``TYX`` or ``TZYX``.
        image: what is known of the image, where the file does not say.

    Raises:
        BadInputError: not HDF5, no such dataset, no label image, unknown axes.
    """
    named, series = split_series(path)
    file, dataset = existing_file(named), dataset or series
    with _opened(file) as content:
        if dataset is None and DATASET in content:
            dataset = DATASET
        pixels = _pixels(file, content, dataset or DATASET)
        columns, ids, info = _objects(file, content, pixels)
    labels, label_axes, found = read_label_image(file, axes=axes, dataset=dataset)
    detections = Detections.from_labels(
        labels, axes=label_axes, image=image or info or found, name=str(file)
    )
    if ids is None:
        return detections
    return _with_objects(detections, columns, ids)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file; whatever h5py raises of a damaged one is one line."""
    try:
        with h5py.File(path) as file:
            yield file
    except (BadInputError, MemoryError, PermissionError):
        raise
    except Exception as error:
        raise BadInputError(
            path, "is not an HDF5 file, or a damaged one", "save it again"
        ) from error


def _pixels(path: Path, file: h5py.File, name: str) -> h5py.Dataset | None:
    """Return the dataset of a label image, none of which lies in another file."""
    node: Any = file
    for part in name.strip("/").split("/"):
        node = own_item(path, node, part) if isinstance(node, h5py.Group) else None
    if not isinstance(node, h5py.Dataset):
        return None
    check_size(path, node)
    return node


def _objects(
    path: Path, file: h5py.File, pixels: h5py.Dataset | None
) -> tuple[dict[str, Any], list[str] | None, ImageInfo | None]:
    """Return what :func:`write` kept beside the pixels; nothing where another program wrote it."""
    note = None if pixels is None else pixels.attrs.get("image")
    info = None
    if isinstance(note, str):
        with suppress(ValueError, RecursionError):
            info = ImageInfo.from_json(json.loads(note))
    group = own_item(path, file, OBJECTS)
    if not isinstance(group, h5py.Group):
        return {}, None, info
    names = ["label", "z", "t", "prob", "class", "id", *([OBJECT] if OBJECT in group else [])]
    stored = {name: own_item(path, group, name) for name in names}
    if any(not isinstance(node, h5py.Dataset) or node.ndim != 1 for node in stored.values()):
        return {}, None, info
    for node in stored.values():
        check_size(path, node)
    if any(stored[name].dtype.kind not in "iuf" for name in names[:4]):
        return {}, None, info
    columns: dict[str, Any] = {name: np.asarray(stored[name][()]) for name in names[:4]}
    texts = {name: stored[name].asstr(errors="replace")[()] for name in names[4:]}
    ids = [str(i) for i in texts.pop("id")]
    columns |= texts
    sound = all(is_uuid(i) for i in ids) and len(set(ids)) == len(ids)
    sound = sound and all(len(v) == len(ids) for v in columns.values())
    return columns, ids if sound else None, info


def _with_objects(detections: Detections, columns: dict[str, Any], ids: list[str]) -> Detections:
    """Give traced objects what is kept for their label and plane: UUID, probability, texts."""
    keys = zip(columns["label"].tolist(), columns["z"].tolist(), columns["t"].tolist(), strict=True)
    kept = {key: row for row, key in enumerate(keys)}
    frame = detections.objects
    keys = zip(frame["label"].tolist(), frame["z"].tolist(), frame["t"].tolist(), strict=True)
    rows = [kept.get(key) for key in keys]
    frame = frame.assign(
        prob=[np.nan if r is None else columns["prob"][r] for r in rows],
        **{
            name: [None if r is None else columns[name][r] or None for r in rows]
            for name in ("class", OBJECT)
            if name in columns
        },
    )
    frame.index = [
        old if r is None else ids[r] for old, r in zip(detections.ids, rows, strict=True)
    ]
    return replace(detections, objects=frame)
