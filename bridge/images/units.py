"""Pixel sizes in µm, from whatever unit a file uses; unknown where a file gives none."""

from __future__ import annotations

import math

from bridge.errors import BadInputError
from bridge.images.info import PixelSize

INCH = 25_400.0
CENTIMETRE = 10_000.0
METRE = 1e6

# OME-XML, ImageJ and NGFF (UDUNITS) spell the same few units in many ways.
_MICROMETRES = {
    "pm": 1e-6, "picometer": 1e-6,
    "å": 1e-4, "ångström": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "um": 1.0, "micron": 1.0, "micrometer": 1.0,
    "mm": 1e3, "millimeter": 1e3,
    "cm": CENTIMETRE, "centimeter": CENTIMETRE,
    "dm": 1e5, "decimeter": 1e5,
    "in": INCH, "inch": INCH, "inches": INCH, '"': INCH,
    "m": METRE, "meter": METRE,
}  # fmt: skip

# Dots per inch that programs write when they know nothing, or that printers and scanners have.
_PRINT_DPI = (
    *(72, 96, 100, 120, 144, 150, 180, 200, 240, 300, 350, 360),
    *(400, 600, 720, 800, 1200, 1440, 2400, 4800),
)


def pixel_size_of(y: float | None, x: float | None, z: float | None = None) -> PixelSize | None:
    """Return a pixel size in µm; None where Y or X is missing or no length."""
    y, x, z = (
        value if value and math.isfinite(value) and value > 0 else None for value in (y, x, z)
    )
    return None if y is None or x is None else PixelSize(y, x, z)


def given_pixel_size(
    given: float | tuple[float, ...] | PixelSize | None, known: PixelSize | None
) -> PixelSize | None:
    """Return the pixel size to use.

    Args:
        given: what a person says, in µm: one number for square pixels, ``(y, x)``,
            ``(z, y, x)`` or a :class:`PixelSize`; None to use the file's.
        known: what the file says. Its z spacing stays unless another is given.

    Returns:
        The pixel size, or None where neither says.

    Raises:
        BadInputError: for a size that is not above 0, or a tuple of another length.
    """
    if given is None or isinstance(given, PixelSize):
        return known if given is None else given
    sizes = tuple(float(size) for size in given) if isinstance(given, tuple) else (float(given),)
    if not 1 <= len(sizes) <= 3:
        raise BadInputError(
            "pixel size",
            f"has {len(sizes)} numbers",
            "give one (square pixels), y and x, or z, y and x",
        )
    *z, y, x = sizes if len(sizes) > 1 else sizes * 2
    return PixelSize(y, x, z[0] if z else known.z if known else None)


def micrometres(unit: str | None) -> float | None:
    r"""Return how many µm a unit is, or None for a unit that is no length (``"pixel"``) or unknown.

    Knows the spellings of OME-XML, NGFF and ImageJ, which escapes µ as ``\u00B5``.

    >>> micrometres("nanometer"), micrometres("pixel")
    (0.001, None)
    """
    if not unit:
        return None
    name = unit.strip().replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace("μ", "µ")
    name = name.casefold().replace("μ", "µ").replace("metre", "meter")
    if name not in _MICROMETRES and name.endswith("s"):
        name = name[:-1]
    return _MICROMETRES.get(name)


def is_print_resolution(size: float) -> bool:
    """Return whether a size (µm) is that of 72, 300 or another round number of dots per inch.

    Programs write such a resolution where they know nothing of the microscope.
    """
    return any(math.isclose(INCH / size, dpi, rel_tol=2e-3) for dpi in _PRINT_DPI)
