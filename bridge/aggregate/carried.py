"""Find what the classifier said of dead and unstained cells, in the records of its results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.batch.record import read_record
from bridge.errors import BadInputError
from bridge.formats.layout import RECORD


@dataclass(frozen=True)
class CarriedClasses:
    """Classes of dead and of unstained cells, as classifiers name them.

    Attributes:
        dead: classes of dead cells.
        unstained: classes of living cells without any marker.
        folders: results whose classifier names any.
    """

    dead: tuple[str, ...] = ()
    unstained: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()


def carried_classes(tables: Iterable[Path]) -> CarriedClasses:
    """Return the dead and unstained classes of the classifiers that classed the objects of tables.

    Args:
        tables: files and folders that are counted; the record of ``starbridge classes apply`` is
            looked for in their folders, and in those above.

    Raises:
        BadInputError: a record is damaged, or a class is dead by one and not by another.

    >>> carried_classes([])
    CarriedClasses(dead=(), unstained=(), folders=())
    """
    near = [path if path.is_dir() else path.parent for path in tables]
    places = dict.fromkeys(place for path in near for place in (path, path.absolute().parent))
    said: dict[Path, dict[str, Any]] = {}
    for folder in places:
        if not (folder / RECORD).is_file():
            continue
        classifier = read_record(folder).get("classifier")
        if isinstance(classifier, dict) and "dead" in classifier:
            said.setdefault(folder.resolve(), {**classifier, "folder": folder})
    dead, unstained = (_names(said.values(), key) for key in ("dead", "unstained"))
    for each in said.values():
        for name in _names([each], "classes"):
            is_dead = name in _names([each], "dead")
            if is_dead != (name in dead):
                raise BadInputError(
                    each["folder"],
                    f"has {name!r} as living cells, and other results as dead ones",
                    "say which classes are dead: --dead NAME",
                )
    folders = [each["folder"] for each in said.values() if _names([each], "dead", "unstained")]
    return CarriedClasses(dead, unstained, tuple(folders))


def _names(records: Iterable[dict[str, Any]], *keys: str) -> tuple[str, ...]:
    found = [record.get(key) for record in records for key in keys]
    lists = [names for names in found if isinstance(names, list)]
    return tuple(dict.fromkeys(n for names in lists for n in names if isinstance(n, str)))
