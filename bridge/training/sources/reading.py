"""Read training pairs from files: folders of any usual layout, zips, data sets, images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.labels import read_label_image
from bridge.formats.layout import spec_of
from bridge.formats.pairing import add_source_to_errors
from bridge.formats.qupath_export import find_export, find_whole_images
from bridge.images import open_image
from bridge.images.image import Image
from bridge.images.names import IMAGE_ENDINGS, is_zarr
from bridge.training.cutting import trim
from bridge.training.pairs import TrainingPair
from bridge.training.sources.archives import unpacked
from bridge.training.sources.couples import Couple, couple_of, couple_of_objects, find_couples
from bridge.training.sources.exports import read_regions
from bridge.training.sources.manifest import is_dataset, read_dataset
from bridge.training.sources.masks import check_mask
from bridge.training.sources.options import Note, OnError, ReadOptions, ignore_note
from bridge.training.sources.planes import choose_plane, read_channels
from bridge.training.sources.reviewed import draw_reviewed, select_training_objects

_DATASET_OF_LABELS = "labels"


def read_pairs(
    source: str | PathLike[str],
    options: ReadOptions | None = None,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
) -> Iterator[TrainingPair]:
    """Read the training pairs of a folder, a zip, a data set or an image.

    Reviews of Fiji and QuPath are read by
    :func:`bridge.apps.training_pairs.read_training_pairs`, which takes all of these, too.

    Args:
        source: a folder in a layout of :mod:`bridge.training.sources.couples`, or a zip of one; an
            export of QuPath's annotations (:mod:`bridge.training.sources.exports`); a data set of
            ``starbridge pairs``; or an image. Objects lie beside the images, or where ``options``
            say.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The pairs, one after another, so that not all need fit into memory.

    Raises:
        BadInputError: nothing to read there; and what ``on_error`` does not take: an image without
            objects, another size, a binary mask, a stack without a choice of its plane.

    >>> import tempfile
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for kind in ("images", "masks"):
    ...         Path(folder, kind).mkdir()
    ...         tifffile.imwrite(f"{folder}/{kind}/a.tif", np.eye(9, dtype=np.uint8))
    ...     [pair.name for pair in read_pairs(folder)]
    ['a']
    """
    place, options = Path(source), options or ReadOptions()
    if not place.exists():
        raise BadInputError(place, "does not exist", "check the path")
    if is_dataset(place):
        yield from read_dataset(place, options, on_error=on_error)
    elif not options.objects and (export := find_export(place)):
        if images := find_whole_images(place):
            couples = [couple_of_objects(path, [export]) for path in images]
            yield from _read_couples(couples, options, note, on_error)
        else:
            yield from read_regions(export, options, note=note, on_error=on_error)
    elif place.is_dir() and not is_zarr(place):
        yield from _read_couples(find_couples(place, options.objects), options, note, on_error)
    elif place.name.lower().endswith(IMAGE_ENDINGS):
        yield from _read_couples([couple_of(place, options.objects)], options, note, on_error)
    elif place.suffix.lower() == ".zip":
        yield from _read_zip(place, options, note, on_error)
    else:
        raise BadInputError(
            place, "is no image, folder or zip", "give a folder with images and their label images"
        )


def _read_zip(
    place: Path, options: ReadOptions, note: Note, on_error: OnError | None
) -> Iterator[TrainingPair]:
    """Read a zip; what the user is told names the zip, not the folder that it is unpacked to."""
    with unpacked(place) as folder:

        def renamed(text: str) -> str:
            return text.replace(str(folder), str(place))

        def renamed_error(error: StarbridgeError) -> StarbridgeError:
            if not isinstance(error, BadInputError):
                return error
            return BadInputError(*map(renamed, (error.source, error.problem, error.remedy)))

        pairs = read_pairs(
            folder,
            options,
            note=lambda line: note(renamed(line)),
            on_error=None if on_error is None else lambda error: on_error(renamed_error(error)),
        )
        try:
            for pair in pairs:
                yield replace(pair, source=renamed(pair.source))
        except BadInputError as error:
            raise renamed_error(error) from error


def _read_couples(
    couples: list[Couple], options: ReadOptions, note: Note, on_error: OnError | None
) -> Iterator[TrainingPair]:
    for couple in couples:
        try:
            yield _read_couple(couple, options, note)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def _read_couple(couple: Couple, options: ReadOptions, note: Note) -> TrainingPair:
    if couple.problem is not None:
        raise couple.problem
    assert couple.objects is not None  # noqa: S101 - else there is a problem
    with (
        open_image(couple.image, axes=options.axes) as image,
        add_source_to_errors(couple.image, couple.objects),
    ):
        if spec_of(couple.objects).needs_size:  # a label image has no regions: all of it counts
            return _with_label_image(couple, couple.objects, image, options, note)
        return _with_objects(couple, couple.objects, image, options, note)


def _with_label_image(
    couple: Couple, file: Path, image: Image, options: ReadOptions, note: Note
) -> TrainingPair:
    z, t = choose_plane((image.size("Z"), image.size("T")), options, str(couple.image))
    pixels = read_channels(image, options, (z, t), str(couple.image))
    labels = _plane_of_labels(file, options, (z, t))
    pair = TrainingPair(
        name=couple.name,
        image=pixels,
        labels=labels,
        source=str(couple.image),
        group=couple.group,
        split=couple.split,
    )
    for line in check_mask(labels, str(file), keep_empty=options.keep_empty):
        note(line)
    return pair


def _plane_of_labels(file: Path, options: ReadOptions, plane: tuple[int, int]) -> NDArray[Any]:
    """Read the labels of a plane (z, t); a label image of one plane belongs to any."""
    inside = _DATASET_OF_LABELS if _is_hdf5_of_ours(file) else None
    labels, axes, _ = read_label_image(file, dataset=inside)
    for axis, given, number in zip("TZ", (options.t, options.z), plane[::-1], strict=True):
        if axis not in axes:
            continue
        size = labels.shape[axes.index(axis)]
        if given is None and size > 1:
            choose_plane((size, 1) if axis == "Z" else (1, size), options, str(file))
        if number >= size:
            raise BadInputError(file, f"has no plane {axis.lower()}={number}", "choose another")
        labels = np.take(labels, number, axes.index(axis))
        axes = axes.replace(axis, "")
    return labels


def _is_hdf5_of_ours(file: Path) -> bool:
    if not file.name.lower().endswith((".h5", ".hdf5")):
        return False
    import h5py

    try:
        with h5py.File(file) as opened:
            return _DATASET_OF_LABELS in opened
    except OSError:
        return False  # opening it as an image says what is wrong


def _with_objects(
    couple: Couple, file: Path, image: Image, options: ReadOptions, note: Note
) -> TrainingPair:
    is_typed = spec_of(file).key != "rois"
    detections = Detections.read(file, image=image.info)
    selected = select_training_objects(detections.objects, options, is_typed=is_typed)
    sizes = image.size("Z"), image.size("T")
    z, t = choose_plane(sizes, options, str(couple.image))
    on_plane = [
        frame[(frame["z"] == z) & (frame["t"] == t)]
        for frame in (selected.objects, selected.regions)
    ]
    if options.inside and not len(on_plane[1]):
        kinds = sorted({str(kind) for kind in detections.objects["class"] if kind})
        raise BadInputError(
            file,
            f"has no region of the class {' or '.join(options.inside)}",
            f"its classes are {', '.join(kinds)}" if kinds else "its objects have no classes",
        )
    drawn = draw_reviewed(
        on_plane[0], (image.height, image.width), regions=on_plane[1] if options.inside else None
    )
    for line in (*selected.notes, *drawn.notes):
        note(f"{file}: {line}")
    pair = TrainingPair(
        name=couple.name,
        image=read_channels(image, options, (z, t), str(couple.image)),
        labels=drawn.labels,
        classes=drawn.classes,
        source=str(couple.image),
        group=couple.group,
        split=couple.split,
    )
    if not options.inside:
        check_mask(drawn.labels, str(file), keep_empty=options.keep_empty)
    return trim(pair, options.percentiles)
