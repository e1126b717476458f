"""The class of an object in the name of its image region: the name's only round bracket.

Programs that sort regions by class take the first round bracket of a name, as orgaSeg's sorter
does. QuPath's own names have further ones: ``Annotation (Polygon) (Cyst)``; so may have the names
of images and of classes.
"""

from __future__ import annotations

import re

from bridge.files.names import safe_name

NO_CLASS = "none"
"""Text in the bracket of an object without a class."""

_LONGEST_CLASS = 100
_ENDING = re.compile(r"\.[A-Za-z]{3,4}$")
_NUMBER = re.compile(r"[_ ]*\d+$")
_OBJECT = re.compile(r"(?:Annotation|Detection|Cell)?\s*$")
_COUNT = re.compile(r"[0-9]+ objects?")
ROI_KINDS = frozenset(
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
    return f"{square_brackets(name)} ({class_text(class_name)})_{number:03d}"


def square_brackets(text: str) -> str:
    """Return a text with square brackets in place of round ones.

    >>> square_brackets("plate 1 (A1)")
    'plate 1 [A1]'
    """
    return text.replace("(", "[").replace(")", "]")


def class_text(class_name: str | None) -> str:
    """Return a class as it is written into a name.

    A class that is called like a kind of ROI gets ``_`` behind it.

    >>> class_text("Cyst (old)"), class_text("Polygon")
    ('Cyst [old]', 'Polygon_')
    """
    text = safe_name(square_brackets(class_name or NO_CLASS))[:_LONGEST_CLASS].strip(" .") or "_"
    return f"{text}_" if _is_no_class(text) else text


def class_in_name(name: str) -> str | None:
    """Return the class in a name that QuPath, orgaSeg, starbridge or :func:`crop_name` made.

    It is the last outermost round bracket that is neither a kind of ROI nor a number of objects;
    where a kind of ROI is there, a bracket behind it, as those before belong to the image.

    Returns:
        The class; ``None`` where there is none.

    >>> class_in_name("slide (2)Annotation (Polygon) (Cyst (old)) (3 objects)_1.tif")
    'Cyst (old)'
    >>> class_in_name("slide (2)Annotation (Polygon)_1"), class_in_name("a (none)_001.tif")
    (None, None)
    """
    found = _brackets(_ENDING.sub("", name))
    kinds = [number for number, (_, text) in enumerate(found) if text.lower() in ROI_KINDS]
    behind = found[kinds[-1] + 1 :] if kinds else found
    classes = [text for _, text in behind if text and not _is_no_class(text)]
    return classes[-1] if classes and classes[-1] != NO_CLASS else None


def image_in_name(name: str) -> str:
    """Return the name of the image that a region was cut from: without class and number.

    >>> image_in_name("slide (2)Annotation (Polygon) (Cyst)_1"), image_in_name("slide_1_12")
    ('slide (2)', 'slide_1')
    >>> image_in_name("slide [1] (Cyst)_007"), image_in_name("7")
    ('slide [1]', '7')
    """
    found = _brackets(name)
    kinds = [start for start, text in found if text.lower() in ROI_KINDS]
    plain = name[: kinds[-1]] if kinds else _NUMBER.sub("", name)
    if kinds:
        plain = _OBJECT.sub("", plain)
    elif found and plain.endswith(")"):
        plain = plain[: found[-1][0]]
    return plain.strip(" _") or name


def _brackets(name: str) -> list[tuple[int, str]]:
    """Return where the outermost round brackets of a name begin, and what is in them.

    They are found from behind: a bracket without its partner belongs to the image's own name, which
    comes first.
    """
    found: list[tuple[int, str]] = []
    ends: list[int] = []
    for place in range(len(name) - 1, -1, -1):
        if name[place] == ")":
            ends.append(place)
        elif name[place] == "(" and ends:
            end = ends.pop()
            if not ends:
                found.append((place, name[place + 1 : end].strip()))
    return found[::-1]


def _is_no_class(text: str) -> bool:
    return text.lower() in ROI_KINDS or _COUNT.fullmatch(text.lower()) is not None
