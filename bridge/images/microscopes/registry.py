"""Which microscopes' own files are read, and how each is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from bridge.errors import BadInputError, MissingPartError

if TYPE_CHECKING:
    from bridge.images.locations import Location
    from bridge.images.microscopes.reading import Reader

EXPORT = (
    "convert it to OME-TIFF or OME-Zarr (in Fiji: File › Import › Bio-Formats, then File › Export "
    "› OME-TIFF…; or with the program bioformats2raw)"
)
"""Way to make a file that no library reads one that starbridge reads."""


@dataclass(frozen=True)
class Microscope:
    """A file format of a microscope's maker.

    Attributes:
        name: as a user calls it.
        ending: of its files, in lower case.
        signatures: bytes with which its files begin.
        module: of this package, with a function ``read_series`` (a
            :class:`bridge.images.microscopes.reading.Reader`).
        package: the Python package that reads it.
        unit: how the maker calls the images in one file.
        since: oldest Python that the package runs on.
    """

    name: str
    ending: str
    signatures: tuple[bytes, ...]
    module: str
    package: str
    unit: str
    since: tuple[int, int] = (3, 11)

    def load(self, path: Location) -> Reader:
        """Load what reads the format.

        Args:
            path: the file, named in errors.

        Raises:
            MissingPartError: the package is not installed.
            BadInputError: there is none for this Python.
        """
        import sys

        try:
            module = import_module(f"bridge.images.microscopes.{self.module}")
        except ImportError as error:
            if sys.version_info < self.since:
                raise BadInputError(
                    path,
                    f"is a {self.name} file, which needs Python {self.since[0]}.{self.since[1]} "
                    f"or newer (the package {self.package})",
                    f"install starbridge there, or {EXPORT}",
                ) from error
            raise MissingPartError(
                "microscopes", f"read {self.name} files", error.name or self.package
            ) from error
        return cast("Reader", module.read_series)


MICROSCOPES = (
    Microscope("Zeiss CZI", ".czi", (b"ZISRAWFILE",), "czi", "czifile", "scenes"),
    Microscope("Leica LIF", ".lif", (b"\x70\x00\x00\x00",), "lif", "liffile", "series"),
    Microscope("Nikon ND2", ".nd2", (b"\xda\xce\xbe\x0a",), "nd2", "nd2", "positions"),
    Microscope("FluoView OIR", ".oir", (b"OLYMPUSRAWFORMAT",), "oir", "oirfile", "images", (3, 12)),
)
"""The formats; a new one is a line here and a module beside."""

_TIFF = b"II*\0"
_OLD_ND2 = b"\x00\x00\x00\x0cjP  "


def recognise(path: Location, start: bytes) -> Microscope | None:
    """Return the format of a microscope's own file, by how the file begins.

    Args:
        path: the file.
        start: its first bytes.

    Returns:
        None for any other file.

    Raises:
        BadInputError: a file of a microscope's maker that no library here reads. A ``.vsi`` is a
            TIFF of the overview alone: what was scanned lies in a folder beside it.
    """
    name = path.name.lower()
    if name.endswith(".vsi") and start.startswith(_TIFF):
        raise BadInputError(path, "is a cellSens VSI file, which starbridge does not read", EXPORT)
    if name.endswith(".nd2") and start.startswith(_OLD_ND2):
        raise BadInputError(
            path, "is a Nikon ND2 file of before 2010, which starbridge does not read", EXPORT
        )
    fits = (m for m in MICROSCOPES if start.startswith(m.signatures))
    return next(fits, None)
