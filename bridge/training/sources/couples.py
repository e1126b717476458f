"""Find images and the files of their objects in folders, by the layouts that people use.

=============  ================================================================================
layout         files
=============  ================================================================================
StarDist, DSB  ``images/NAME.tif``, ``masks/NAME.tif`` (also ``labels/``)
orgaSeg        ``images/NAME_0.tiff`` … ``NAME_3.tiff``, ``masks/NAME_segmentation_0.tiff`` …
cellpose       ``NAME.tif`` (or ``NAME_img.tif``), ``NAME_masks.tif``
haug2          ``NAME.tif``, ``lbl/NAME_labels.tif`` (or ``.h5``)
any other      ``NAME.tif`` with objects of any format beside it, or in a folder of results
=============  ================================================================================

Each of them may lie in the folders ``train``, ``val`` and ``test``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.errors import BadInputError
from bridge.formats.layout import FORMATS
from bridge.formats.pairing import objects_of, result_folders
from bridge.images import find_images, image_name
from bridge.images.names import IMAGE_ENDINGS

_IMAGES = "images"
_MASKS = ("masks", "labels", "mask", "lbl")
SPLITS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Parts of a data set by the names of their folders."""

_MASK_WORDS = ("", "_masks", "_mask", "_labels", "_label", "_segmentation", "_cp_masks")
_OBJECT_ENDINGS = tuple(
    dict.fromkeys(
        ending
        for key in ("labels", "hdf5", "rois", "geojson", "zarr")
        for ending in FORMATS[key].endings
    )
)
_QUADRANT = re.compile(r"(?P<stem>.+)_(?P<number>[0-3])")
_OF_OBJECTS = re.compile(r".+(_masks|_mask|_labels|_label|_rois|_segmentation|_nuclei|_classes)")
_NEEDED = "put images in images/ and their label images, of the same names, in masks/"


@dataclass(frozen=True, kw_only=True)
class Couple:
    """An image and the file of its objects.

    Attributes:
        name: the image's name.
        image: the image.
        objects: the file of its objects.
        group: as of :class:`bridge.training.pairs.TrainingPair`.
        split: likewise.
        problem: why there is no pair; ``None`` where there is one.
    """

    name: str
    image: Path
    objects: Path | None = None
    group: str = ""
    split: str = ""
    problem: BadInputError | None = None


def find_couples(folder: Path, objects: Sequence[Path] = ()) -> list[Couple]:
    """Find the images of a folder and the files of their objects.

    Args:
        folder: in one of the layouts above.
        objects: files of objects, or folders of them, for images that lie in ``folder`` itself.

    Returns:
        A couple an image, in natural order; those for which there is no file of objects, and files
        of objects without an image, say so.

    Raises:
        BadInputError: a folder without images, or with no pair at all.
    """
    if objects:
        return [couple_of_objects(path, objects) for path in find_images([folder])]
    couples = list(_in_splits(folder)) or list(_in_folder(folder))
    if not any(couple.objects for couple in couples):
        raise BadInputError(folder, "holds no image with objects beside it", _NEEDED)
    return couples


def couple_of(image: Path, objects: Sequence[Path] = ()) -> Couple:
    """Find the objects of one image.

    Args:
        image: the image.
        objects: files of objects, or folders of them; where none are given, they lie beside it.

    Returns:
        The couple, which says so where there are none, or several files of them.
    """
    return couple_of_objects(image, objects) if objects else _beside(image)


def couple_of_objects(image: Path, objects: Sequence[Path]) -> Couple:
    """Find the objects of one image in other places."""
    name = image_name(image)
    try:
        return Couple(name=name, image=image, objects=objects_of(image, objects), group=name)
    except BadInputError as error:
        return Couple(name=name, image=image, problem=error)


def _in_splits(folder: Path) -> Iterator[Couple]:
    found: dict[str, Path] = {}
    for part in sorted(folder.iterdir()):
        split = SPLITS.get(part.name.lower())
        if split is None or not part.is_dir() or not _has_images(part):
            continue
        if split in found:
            raise BadInputError(
                folder, f"has both {found[split].name} and {part.name}", "keep one of them"
            )
        found[split] = part
    if found and (folder / _IMAGES).is_dir():
        raise BadInputError(
            folder, f"has images in {_IMAGES} and in {min(found)}", "keep them in one of the two"
        )
    for split, part in found.items():
        for couple in _in_folder(part):
            yield replace(couple, split=split)


def _has_images(folder: Path) -> bool:
    return (folder / _IMAGES).is_dir() or any(
        path.name.lower().endswith(IMAGE_ENDINGS) for path in folder.iterdir()
    )


def _in_folder(folder: Path) -> Iterator[Couple]:
    images = folder / _IMAGES
    if not images.is_dir():
        yield from _flat(folder)
        return
    masks = [folder / name for name in _MASKS if (folder / name).is_dir()]
    if not masks:
        yield from _flat(images)
        return
    if len(masks) > 1:
        names = " and ".join(path.name for path in masks)
        raise BadInputError(folder, f"has objects in {names}", "keep one of these folders")
    yield from _by_name(find_images([images]), masks[0])


def _by_name(images: list[Path], masks: Path) -> Iterator[Couple]:
    """Find the masks of images in a folder of their own."""
    files = {
        stem: path
        for path in sorted(masks.iterdir())
        if not path.name.startswith(".") and (stem := _stem(path)) is not None
    }
    used = set()
    for image in images:
        name = image_name(image)
        found = [(name + word, name) for word in _MASK_WORDS if name + word in files]
        quadrant = _QUADRANT.fullmatch(name)
        if quadrant and not found:
            stem, number = quadrant["stem"], quadrant["number"]
            words = [w for w in _MASK_WORDS if w and f"{stem}{w}_{number}" in files]
            found = [(f"{stem}{word}_{number}", stem) for word in words]
        if len(found) != 1:
            several = " and ".join(files[stem].name for stem, _ in found)
            problem = BadInputError(
                image,
                f"has objects in {several}" if found else f"has no objects in {masks}",
                "keep one of these files" if found else f"expected {name}.tif, or take it away",
            )
            used |= {stem for stem, _ in found}
            yield Couple(name=name, image=image, problem=problem)
            continue
        (stem, group), *_ = found
        used.add(stem)
        yield Couple(name=name, image=image, objects=files[stem], group=group)
    for stem in sorted(files.keys() - used):
        problem = BadInputError(
            files[stem], f"has no image in {images[0].parent}", "bring its image, or take it away"
        )
        yield Couple(name=stem, image=files[stem], problem=problem)


def _flat(folder: Path) -> Iterator[Couple]:
    """Find objects beside images, and in folders of results."""
    images = find_images([folder])
    names = {image_name(path) for path in images}
    for image in images:
        if not _is_of(image_name(image), names):
            yield _beside(image)


def _is_of(name: str, names: set[str]) -> bool:
    """Return whether a file holds the objects of another image beside it."""
    word = _OF_OBJECTS.fullmatch(name)
    if word is None:
        return False
    stem = name.removesuffix(word[1]).removesuffix("_cp")
    return stem in names or f"{stem}_img" in names


def _beside(image: Path) -> Couple:
    name = image_name(image)
    stem = name.removesuffix("_img")
    places = [
        path
        for word in _MASK_WORDS
        if word
        for ending in (".tif", ".tiff")
        if (path := image.with_name(f"{stem}{word}{ending}")).is_file() and path != image
    ]
    if len(places) == 1:
        return Couple(name=name, image=image, objects=places[0], group=name)
    if places:
        both = f"has objects in {places[0].name} and in {places[1].name}"
        return Couple(name=name, image=image, problem=BadInputError(image, both, "keep one"))
    return couple_of_objects(image, [image.parent, *_results(image)])


def _results(image: Path) -> list[Path]:
    return [folder for folder in result_folders([image]) if folder != image.absolute().parent]


def _stem(path: Path) -> str | None:
    """Return a file of objects' name without its ending, ``None`` for any other file."""
    name = path.name.lower()
    endings = [ending for ending in _OBJECT_ENDINGS if name.endswith(ending)]
    return path.name[: -len(max(endings, key=len))] if endings else None
