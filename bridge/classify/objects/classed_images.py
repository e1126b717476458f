"""Images whose objects, or some of them, have a class; made into a table of classed objects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.classify.objects.examples import KEYS, ClassedObjects
from bridge.classify.objects.features.settings import FeatureSettings
from bridge.classify.objects.masked_crops import MaskedCrops, cut_crops
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.naming import PUBLISHED_PATTERN, NamePattern, base_name
from bridge.images import Image, open_image
from bridge.objects3d import ObjectRows
from bridge.outlines import rasterize
from bridge.review.classes import TO_CHECK

MeasureFeatures = Callable[[Detections, Image], pd.DataFrame]
"""Returns the features of all objects of an image: float columns, a row an object, by UUID."""

Note = Callable[[str], None]
"""Called with a sentence for the user."""

OnError = Callable[[StarbridgeError], None]
"""Called with the error of an image, which is left out."""

_PATTERN = NamePattern.parse(PUBLISHED_PATTERN)
_CROP = "_crop"  # behind the names of crops of starbridge select
_TELLING = 16
"""Pixels from which on two objects with the same values are the same object."""


def ignore_note(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassedImage:
    """An image whose objects, or some of them, have a class.

    Attributes:
        path: the image, as :func:`bridge.open_image` takes it.
        detections: all of its objects, in the pixels of its file: those without a class are
            neighbours.
        classes: class by UUID of the objects to learn from.
        name: of the image.
        group: what is never divided between training and test (:func:`group_of`).
        source: the file or the project that the classes come from, for messages.
        is_crop: it shows one object, whose neighbours are not known.
        axes, pixel_size: as in :func:`bridge.open_image`.
    """

    path: Path
    detections: Detections
    classes: Mapping[str, str]
    name: str
    group: str
    source: str
    is_crop: bool = False
    axes: str | None = None
    pixel_size: float | None = None


def group_of(name: str) -> str:
    """Return what an image's name says of the organoid that it shows, or the name.

    Slices of an organoid are no independent samples.

    Args:
        name: of the image, as of a published study: ``{clone}_{diff}_{day}_…_{organoid}_{slice}``.

    >>> group_of("Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1"), group_of("cells 3")
    ('Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1', 'cells 3')
    >>> group_of("Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s2_crop")
    'Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1'
    """
    fields = _PATTERN.match(base_name(name).removesuffix(_CROP))
    if fields is None:
        return name
    return "_".join(text for field, text in fields.items() if field != "slice")


def measure_examples(
    images: Iterable[ClassedImage],
    measure: MeasureFeatures,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    on_image: Callable[[str], None] = ignore_note,
) -> ClassedObjects:
    """Measure the features of classed objects, and make a table of them.

    Args:
        images: the images; several may be of one file.
        measure: of the features of all objects of an image.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
        on_image: called with the name of each image that was measured.

    Returns:
        The objects, each once.

    Raises:
        BadInputError: no object has a class, an image has other features than the first, and as
            :class:`bridge.classify.objects.examples.ClassedObjects`.
    """
    tables: list[pd.DataFrame] = []
    for image in images:
        try:
            if not image.classes:
                note(f"{image.source}: no object of {image.name} has a class; it is left out")
                continue
            table = _measure_image(image, measure)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        if tables and list(table.columns) != list(tables[0].columns):
            raise _other_features(image, tables[0], table)
        tables.append(table)
        on_image(image.name)
    if not tables:
        raise BadInputError(
            "classed objects", "are none in what was given", "give objects a class first"
        )
    whole = pd.concat(tables, ignore_index=True)
    once = whole.drop_duplicates(["hash", "group", "class"], ignore_index=True)
    if len(once) < len(whole):
        note(f"{len(whole) - len(once)} objects are given several times; each counts once")
    return ClassedObjects(once)


def _measure_image(image: ClassedImage, measure: MeasureFeatures) -> pd.DataFrame:
    chosen = image.detections.objects.index.isin(list(image.classes))
    with open_image(image.path, axes=image.axes, pixel_size=image.pixel_size) as opened:
        features = measure(image.detections, opened).loc[chosen]
        hashes, planes = hash_objects(image.detections, opened, chosen)
        if ObjectRows.of(image.detections).has_slices:
            planes = hash_volumes(opened, image.detections.objects.loc[chosen, "t"].tolist())
    ids = [str(i) for i in features.index]
    keys = {
        "image": image.name,
        "group": image.group,
        "object": ids,
        "class": [image.classes[i] for i in ids],
        "hash": hashes,
        "image_hash": planes,
    }
    assert tuple(keys) == KEYS  # noqa: S101 - the one place that writes them
    left = pd.DataFrame(keys, index=features.index)
    table: pd.DataFrame = pd.concat([left, features.astype(np.float64)], axis=1)
    return table


def crop_examples(
    images: Iterable[ClassedImage], examples: ClassedObjects, settings: FeatureSettings
) -> MaskedCrops:
    """Cut the crops of examples out of their images.

    Args:
        images: those that the examples were measured in.
        examples: the n examples.
        settings: say which channels, and in which unit sizes are.

    Returns:
        Crops of the n examples, in their order.

    Raises:
        BadInputError: an image cannot be read any more.
    """
    keys = zip(examples.table["image"], examples.table["object"], strict=True)
    rows = {key: row for row, key in enumerate(keys)}
    found = MaskedCrops.empty(len(examples), len(settings.channels))
    for image in images:
        ids = image.detections.ids
        at = np.array([rows.get((image.name, i), -1) for i in ids], np.int64)
        at[[i not in image.classes for i in ids]] = -1
        if (at < 0).all():
            continue
        with open_image(image.path, axes=image.axes, pixel_size=image.pixel_size) as opened:
            for some, crops in cut_crops(image.detections, opened, settings, chosen=at >= 0):
                found[at[some]] = crops
    return found


def _other_features(image: ClassedImage, first: pd.DataFrame, other: pd.DataFrame) -> BadInputError:
    odd = sorted({*map(str, first.columns)} ^ {*map(str, other.columns)})
    return BadInputError(
        image.path,
        f"has other features than {first['image'].iloc[0]}: {', '.join(odd[:3])}"
        + (", …" if len(odd) > 3 else ""),
        "train on images with the same channels, or choose channels that all have",
    )


def hash_objects(
    detections: Detections, image: Image, chosen: NDArray[np.bool_]
) -> tuple[list[str], list[str]]:
    """Hash what objects look like, and their planes, whatever their files are called.

    Small objects and those without any contrast may look the same and be different ones: what is
    hashed of them is their place, too.

    Args:
        detections: n objects.
        image: their image.
        chosen: (n,) which of them.

    Returns:
        SHA-256 of the pixels and the outline of each chosen object, and of its plane: all channels.

    Raises:
        BadInputError: a plane cannot be read.
    """
    frame = detections.objects[chosen]
    hashes, planes = [""] * len(frame), [""] * len(frame)
    z, t = frame["z"].to_numpy(), frame["t"].to_numpy()
    for plane_z, plane_t in sorted(set(zip(z.tolist(), t.tolist(), strict=True))):
        rows = np.flatnonzero((z == plane_z) & (t == plane_t))
        whole = hashlib.sha256(f"{image.height} {image.width} {image.dtype.str}".encode())
        masks = [
            _mask(geometry, (image.height, image.width))
            for geometry in frame.geometry.to_numpy()[rows]
        ]
        contents = [hashlib.sha256(np.packbits(mask).tobytes()) for _, mask in masks]
        contrast = np.zeros(len(rows), bool)
        for channel in range(len(image.channels)):
            plane = image.plane(channel, z=plane_z, t=plane_t)
            whole.update(plane.data)
            for number, (window, mask) in enumerate(masks):
                values = plane[window][mask]
                contents[number].update(np.ascontiguousarray(values).data)
                contrast[number] |= bool(values.size) and bool((values != values[0]).any())
        own = whole.hexdigest()
        for number, row in enumerate(rows):
            window, mask = masks[number]
            if mask.sum() < _TELLING or not contrast[number]:
                contents[number].update(f"{own} {window}".encode())
            hashes[row] = contents[number].hexdigest()
            planes[row] = own
    return hashes, planes


def hash_volumes(image: Image, times: Sequence[int]) -> list[str]:
    """Hash the volumes of objects that have several slices, whatever their file is called.

    Objects in other slices of an image are of the same image.

    Args:
        image: the image.
        times: (n,) time point of each object.

    Returns:
        SHA-256 of all slices and channels of the time point of each object.

    Raises:
        BadInputError: a plane cannot be read.
    """
    found = {}
    for t in sorted(set(times)):
        whole = hashlib.sha256(f"{image.height} {image.width} {image.dtype.str}".encode())
        for z in range(image.size("Z")):
            for channel in range(len(image.channels)):
                whole.update(np.ascontiguousarray(image.plane(channel, z=z, t=t)).data)
        found[t] = whole.hexdigest()
    return [found[t] for t in times]


def _mask(
    geometry: shapely.Geometry, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return the window (rows, columns) around an object, and its pixels in there."""
    left, top, right, bottom = np.nan_to_num(shapely.bounds(geometry))
    rows = slice(max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), shape[0]))
    columns = slice(max(int(np.floor(left)), 0), min(int(np.ceil(right)), shape[1]))
    size = (max(rows.stop - rows.start, 0), max(columns.stop - columns.start, 0))
    if 0 in size:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    moved = shapely.transform(geometry, lambda xy: xy - (columns.start, rows.start))
    drawn = rasterize(np.array([moved], object), np.array([1]), size)
    return (rows, columns), drawn.astype(bool)


def select_examples(
    detections: Detections,
    *,
    is_typed: bool = True,
    annotations: bool = False,
    reviewed: frozenset[str] | None = None,
    classes: tuple[str, ...] = (),
) -> tuple[Detections, dict[str, str]]:
    """Tell objects from annotations around them, and find those that have a class to learn.

    The class of objects that a reviewer is asked to class is none.

    Args:
        detections: objects and annotations of an image.
        is_typed: annotations are told from detections, as in QuPath; ImageJ's ROIs are not.
        annotations: annotations beside detections are objects, too. Where there are no
            detections, they are.
        reviewed: UUIDs of objects whose class is a person's; ``None``: each one's is.
        classes: those to learn; all where empty.

    Returns:
        The objects, and class by UUID.

    >>> box = shapely.box(0, 0, 4, 4)
    >>> drawn = Detections.from_polygons([box], columns={"class": ["dead"]}, ids=["a"])
    >>> select_examples(drawn)[1]
    {'a': 'dead'}
    """
    frame = detections.objects
    if is_typed and not annotations:
        is_object = frame["object_type"].isin(["detection", "cell"])
        kept = frame[is_object if is_object.any() else frame["object_type"] == "annotation"]
    else:
        kept = frame[frame["object_type"] != "tile"]
    found = {
        str(identity): name
        for identity, name in kept["class"].items()
        if isinstance(name, str)
        and name != TO_CHECK
        and (not classes or name in classes)
        and (reviewed is None or identity in reviewed)
    }
    return Detections(kept, detections.image, detections.outline), found
