"""The registry of file formats, and the layout of a folder of results.

A new format is one module with ``read(path, *, image=None)`` and ``write(detections, path)`` (as
:class:`bridge.formats.Format` says) and one entry of :data:`FORMATS`. Commands, pairing, result
folders and the documentation's table follow from the entry. Modules are loaded when they are used.

The places follow haug2's conventions: ``lbl/NAME_labels.tif``, ``roi/NAME_rois.zip``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from bridge.errors import BadInputError

RECORD = "run.json"
"""Name of the record in a folder of results, by which such a folder is recognised."""

PREVIEW = "preview"
"""Key of the preview: an output of segmentation that holds a picture, not objects."""

CLASSES = "classes"
"""Key of the class mask: an output of reviews, which cannot be read back."""


@dataclass(frozen=True)
class FormatSpec:
    """A file format of objects.

    Attributes:
        key: name in commands and records.
        module: module that reads and writes it.
        endings: endings of its files' names, in lower case; the first is the usual one.
        place: path in a folder of results, with ``{name}`` for the name of the image.
        rank: position among the formats when the objects of an image are looked for, 1 first:
            formats that keep more come before formats that keep less, and plain tables last, since
            those of other programs have the same names.
        needs_size: is a label image: the image's size must be known, outlines are not kept, and
            ``write`` takes the drawn image as ``labels``.
        aliases: further names that pairing accepts, with ``{name}``.
        default: is written when nothing is chosen.

    >>> FORMATS["rois"].place.format(name="section 1")
    'roi/section 1_rois.zip'
    """

    key: str
    module: str
    endings: tuple[str, ...]
    place: str
    rank: int
    needs_size: bool = False
    aliases: tuple[str, ...] = ()
    default: bool = True

    @property
    def file_name(self) -> str:
        """Name of the file without its folder, with ``{name}`` for the name of the image."""
        return PurePosixPath(self.place).name

    def load(self) -> Any:
        """Import the module that reads and writes the format (a :class:`bridge.formats.Format`)."""
        return import_module(self.module)


FORMATS: dict[str, FormatSpec] = {
    spec.key: spec
    for spec in (
        FormatSpec(
            "labels", "bridge.formats.labels", (".tif", ".tiff", ".ome.tif", ".ome.tiff"),
            "lbl/{name}_labels.tif", rank=3, needs_size=True, aliases=("{name}_mask.tif",),
        ),
        FormatSpec(
            "hdf5", "bridge.formats.hdf5", (".h5", ".hdf5"),
            "lbl/{name}_labels.h5", rank=5, needs_size=True, aliases=("{name}_mask.h5",),
        ),
        FormatSpec(
            "rois", "bridge.formats.imagej_rois", (".zip", ".roi"),
            "roi/{name}_rois.zip", rank=2, aliases=("{name}.zip",),
        ),
        FormatSpec(
            "geojson", "bridge.formats.geojson", (".geojson", ".geojson.gz", ".json", ".json.gz"),
            "geojson/{name}.geojson", rank=1,
            aliases=("{name}.geojson.gz", "geojsons/{name}.geojson"),  # QuPath's export for orgaSeg
        ),
        FormatSpec(
            "csv", "bridge.formats.tables", (".csv", ".tsv"), "tables/{name}.csv", rank=7,
        ),
        FormatSpec(
            "parquet", "bridge.formats.tables", (".parquet",),
            "tables/{name}.parquet", rank=4, default=False,
        ),
        FormatSpec(
            "zarr", "bridge.formats.omezarr", (".zarr.zip", ".ozx", ".zarr"),
            "lbl/{name}_labels.zarr.zip", rank=6, needs_size=True,
            aliases=("lbl/{name}_labels.ome.zarr", "{name}_labels.ome.zarr", "{name}_labels.zarr"),
            default=False,
        ),
    )
}  # fmt: skip
"""Formats by key, in the order in which they are offered."""

DEFAULT_FORMATS = (*(key for key, spec in FORMATS.items() if spec.default), PREVIEW)
"""Keys of the outputs that segmentation writes when nothing is chosen."""


def places() -> dict[str, str]:
    """Return the path of each output in a folder of results: every format, and the preview.

    >>> places()["preview"].format(name="a")
    'preview/a.png'
    """
    return {key: spec.place for key, spec in FORMATS.items()} | {PREVIEW: "preview/{name}.png"}


def review_files() -> dict[str, str]:
    """Return the file name of each output of a review: every format, and the class mask.

    >>> review_files()["classes"].format(name="a")
    'a_classes.tif'
    """
    names = {key: spec.file_name for key, spec in FORMATS.items()}
    return names | {CLASSES: "{name}_classes.tif"}


def by_rank() -> Iterator[FormatSpec]:
    """Yield the formats in the order in which objects are looked for, the fullest first."""
    yield from sorted(FORMATS.values(), key=lambda spec: spec.rank)


def endings() -> tuple[str, ...]:
    """Return the endings of all files that objects can be read from and written to."""
    return tuple(ending for spec in FORMATS.values() for ending in spec.endings)


def spec_of(path: str | PathLike[str]) -> FormatSpec:
    """Find the format of a file by the ending of its name.

    Raises:
        BadInputError: no format has this ending.

    >>> spec_of("Section 1_ROIS.ZIP").key
    'rois'
    """
    if "#" in str(path):
        from bridge.images.series import split_series  # numpy takes long to load

        path = split_series(path)[0]
    name = Path(path).name.lower()
    found = [
        (len(ending), spec)
        for spec in FORMATS.values()
        for ending in spec.endings
        if name.endswith(ending)
    ]
    if found:
        return max(found, key=lambda pair: pair[0])[1]  # .zarr.zip is no .zip
    # A label image in a folder or archive: IMAGE.zarr/labels/NAME.
    for parent in Path(path).parents:
        if parent.name.lower().endswith(FORMATS["zarr"].endings):
            return FORMATS["zarr"]
    raise BadInputError(
        path, "has no ending that starbridge knows", f"use one of {' '.join(endings())}"
    )


def markdown_table() -> str:
    """Return the table of formats that docs/formats.md shows.

    >>> print(markdown_table().splitlines()[0])
    | `--format` | endings | place in a folder of results | written by default |
    """
    rows = [
        "| `--format` | endings | place in a folder of results | written by default |",
        "|---|---|---|---|",
    ]
    for key, place in places().items():
        spec = FORMATS.get(key)
        names = " ".join(f"`{ending}`" for ending in spec.endings) if spec else "`.png`"
        shown = place.format(name="NAME")
        rows.append(
            f"| `{key}` | {names} | `{shown}` | {'yes' if key in DEFAULT_FORMATS else 'no'} |"
        )
    return "\n".join(rows) + "\n"
