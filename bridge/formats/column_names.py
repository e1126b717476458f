"""Names of measurements and metadata that a table's own columns have already.

In QuPath a measurement may have any name, ``z`` and ``name`` too. Here, a column of that name holds
the slice, or the object's name: the measurement becomes the column ``z (measurement)``, metadata of
that name ``z (metadata)``, and formats that keep measurements apart write them under their own
names again.
"""

from __future__ import annotations

from collections.abc import Collection

from bridge.detections import FIELDS, GEOMETRIES

TAKEN = frozenset({*FIELDS, *GEOMETRIES, "id"})
"""Names that mean something else in every table of detections."""

_MEASUREMENT, _METADATA = " (measurement)", " (metadata)"


def measurement_column(name: str, taken: Collection[str] = TAKEN) -> str:
    """Return the column of a measurement.

    Args:
        name: the measurement's name.
        taken: names that other columns have.

    >>> measurement_column("z"), measurement_column("Area")
    ('z (measurement)', 'Area')
    """
    return _with_ending(name, _MEASUREMENT, taken)


def measurement_name(column: str, taken: Collection[str] = TAKEN) -> str:
    """Return the name of the measurement that a column holds.

    >>> measurement_name("z (measurement)"), measurement_name("Area (measurement)")
    ('z', 'Area (measurement)')
    """
    return _without_ending(column, _MEASUREMENT, taken)


def metadata_column(name: str, taken: Collection[str] = TAKEN) -> str:
    """Return the column of metadata.

    >>> metadata_column("class")
    'class (metadata)'
    """
    return _with_ending(name, _METADATA, taken)


def metadata_name(column: str, taken: Collection[str] = TAKEN) -> str:
    """Return the name of the metadata that a column holds.

    >>> metadata_name("class (metadata)")
    'class'
    """
    return _without_ending(column, _METADATA, taken)


def _with_ending(name: str, ending: str, taken: Collection[str]) -> str:
    # A name that has the ending already gets another one, so that no two names become one.
    return name + ending if _plain(name) in taken else name


def _without_ending(column: str, ending: str, taken: Collection[str]) -> str:
    is_made = column.endswith(ending) and _plain(column) in taken
    return column.removesuffix(ending) if is_made else column


def _plain(name: str) -> str:
    while name.endswith((_MEASUREMENT, _METADATA)):
        name = name.removesuffix(_MEASUREMENT).removesuffix(_METADATA)
    return name
