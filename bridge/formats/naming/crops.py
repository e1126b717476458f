"""The class of an object in the name of its image region: the name's only round bracket.

Programs that sort regions by class take the first round bracket of a name, as orgaSeg's sorter
does. QuPath's own names have further ones: ``Annotation (Polygon) (Cyst)``.
"""

from __future__ import annotations

import re

from bridge.files.names import safe_name

NO_CLASS = "none"
"""Text in the bracket of an object without a class."""

_LONGEST_CLASS = 100
_BRACKET = re.compile(r"\(([^()]*)\)")
_COUNT = re.compile(r"\d+ objects?")
_ROI_KINDS = frozenset(
    {
        "area", "composite", "ellipse", "freehand", "geometry", "line", "oval", "point", "points",
        "polygon", "polyline", "rectangle", "traced",
    }
)  # fmt: skip
"""Kinds of ROIs in QuPath's and ImageJ's names, in lower case."""


def crop_name(name: str, class_name: str | None, number: int) -> str:
    """Return the name of an object's image region, without an ending.

    Round brackets in the image's own name, and in the class, become square ones.

    Args:
        name: the image's name.
        class_name: the object's class, ``None`` where it has none.
        number: of the object in its image.

    >>> crop_name("slide (2)", "Cyst: big", 7), crop_name("a", None, 12)
    ('slide [2] (Cyst_ big)_007', 'a (none)_012')
    """
    return f"{_square(name)} ({class_text(class_name)})_{number:03d}"


def class_text(class_name: str | None) -> str:
    """Return a class as it is written into a name.

    A class that is called like a kind of ROI gets ``_`` behind it.

    >>> class_text("Cyst (old)"), class_text("Polygon")
    ('Cyst [old]', 'Polygon_')
    """
    text = safe_name(_square(class_name or NO_CLASS))[:_LONGEST_CLASS].strip(" .") or "_"
    return f"{text}_" if _is_no_class(text) else text


def class_in_name(name: str) -> str | None:
    """Return the class in a name that QuPath, orgaSeg or :func:`crop_name` made.

    It is the last round bracket that is neither a kind of ROI nor a number of objects.

    Returns:
        The class; ``None`` where there is none.

    >>> class_in_name("slide (2)Annotation (Polygon) (Cyst) (3 objects)_1.tif")
    'Cyst'
    >>> class_in_name("Annotation (Polygon)"), class_in_name("a (none)_001.tif")
    (None, None)
    """
    found = [text.strip() for text in _BRACKET.findall(name)]
    classes = [text for text in found if text and not _is_no_class(text)]
    return classes[-1] if classes and classes[-1] != NO_CLASS else None


def _is_no_class(text: str) -> bool:
    return text.lower() in _ROI_KINDS or _COUNT.fullmatch(text.lower()) is not None


def _square(text: str) -> str:
    return text.replace("(", "[").replace(")", "]")
