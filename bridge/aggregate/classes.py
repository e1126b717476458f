"""Rename, merge, leave out, order and colour classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.colors import class_color
from bridge.errors import BadInputError
from bridge.formats import existing_file
from bridge.formats.naming import natural_key

UNCLASSIFIED = "Unclassified"
"""Name of the class of objects without one."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_UNCLASSIFIED_COLOR = "#b4b4b4"
_UNSTAINED_COLOR = "#d2d2d2"  # lighter than what nobody classed
_LISTS = ("drop", "dead", "unstained", "order", "known")
_KEYS = ("rename", "merge", *_LISTS, "unclassified", "colors")
_REMEDY = f"use {', '.join(_KEYS)}, or lines such as Neuron: '#ff0000'"


@dataclass(frozen=True)
class ClassRules:
    """Rules for the names of classes.

    A class is renamed first, then merged; all further rules mean the names that it has then.

    Attributes:
        rename: new name by old name.
        merge: by old name, the class that it becomes a part of.
        drop: classes whose objects are not counted.
        dead: classes of dead cells.
        unstained: classes of living cells without any marker: behind the others, and grey.
        order: the first columns, also where no table has the class.
        known: classes that are expected, beside ``order``; every class is where both are empty.
        unclassified: name of the class of objects without one.
        colors: ``#rrggbb`` by class.

    >>> rules = ClassRules(rename={"1": "Neuron"}, merge={"NeuN": "Neuron"}, dead=("Dead",))
    >>> rules.name("1"), rules.name("NeuN"), rules.name("")
    ('Neuron', 'Neuron', 'Unclassified')
    >>> rules.columns(["Dead", "Unclassified", "Neuron"])
    ('Neuron', 'Dead', 'Unclassified')
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    merge: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    unstained: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    unclassified: str = UNCLASSIFIED
    colors: Mapping[str, str] = field(default_factory=dict)

    def name(self, raw: str) -> str:
        """Return the study's name of a class.

        Args:
            raw: the table's name of it, empty for objects without a class.
        """
        renamed = self.rename.get(raw, raw) or self.unclassified
        return self.merge.get(renamed, renamed)

    def with_dead(self, names: Iterable[str]) -> ClassRules:
        """Add classes of dead cells."""
        return replace(self, dead=tuple(dict.fromkeys((*self.dead, *names))))

    def with_unstained(self, names: Iterable[str]) -> ClassRules:
        """Add classes of unstained cells."""
        return replace(self, unstained=tuple(dict.fromkeys((*self.unstained, *names))))

    def columns(self, found: Iterable[str]) -> tuple[str, ...]:
        """Put the classes of a study in order.

        First ``order``, then the living, then the unstained, then the dead, then objects without a
        class, each in natural order (``2`` before ``10``).

        Args:
            found: names of all classes of the study.
        """
        listed = tuple(name for name in self.order if name not in self.drop)
        rest = {name for name in found if name not in listed and name not in self.drop}
        return listed + tuple(
            sorted(
                rest,
                key=lambda name: (
                    name == self.unclassified,
                    name in self.dead,
                    name in self.unstained,
                    natural_key(name),
                ),
            )
        )

    def unexpected(self, found: Iterable[str]) -> tuple[str, ...]:
        """List the classes that no rule names, where the rules say which to expect."""
        if not (self.order or self.known):
            return ()
        expected = {*self.order, *self.known, *self.drop, *self.dead, *self.unstained}
        expected.add(self.unclassified)
        return tuple(sorted(set(found) - expected, key=natural_key))

    def unused(self, raw: Iterable[str]) -> tuple[str, ...]:
        """List the names in these rules that no object has: often a spelling mistake.

        Args:
            raw: the tables' names of all classes.
        """
        met = set(raw)
        renamed = {self.rename.get(name, name) or self.unclassified for name in met}
        final = {self.name(name) for name in met}
        missing = [name for name in self.rename if name not in met]
        missing += [name for name in self.merge if name not in renamed]
        named = (*self.drop, *self.dead, *self.unstained)
        missing += [name for name in named if name not in final]
        return tuple(dict.fromkeys(missing))

    def color(self, name: str) -> tuple[int, int, int]:
        """Return the colour of a class, 0 to 255: the one of the rules, else QuPath's.

        See :func:`bridge.colors.class_color`.
        """
        default = class_color(name)
        if name == self.unclassified:
            default = _UNCLASSIFIED_COLOR
        elif name in self.unstained:
            default = _UNSTAINED_COLOR
        red, green, blue = bytes.fromhex(self.colors.get(name, default)[1:])
        return red, green, blue


def read_class_rules(path: str | PathLike[str]) -> ClassRules:
    """Read rules from a YAML file.

    ::

        rename: {1: Neuron, 2: Dead}
        merge: {Neuron: [NeuN, Neuron young]}
        drop: [Debris]
        dead: [Dead, Pyknotic]
        unstained: [Unstained]
        order: [Neuron, Astrocyte]
        known: [Progenitor]
        unclassified: Not classed
        colors: {Neuron: "#ff0000"}

    A file of colours alone, as ``starbridge qupath push --classes`` takes it, is read as well.

    Raises:
        BadInputError: no such file, no YAML, an unknown key, or a value that does not fit.
        MissingPartError: PyYAML is not installed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "classes.yaml"
    ...     _ = file.write_text("rename: {1: Neuron}")
    ...     read_class_rules(file).name("1")
    'Neuron'
    """
    file = existing_file(path)
    colors: dict[str, str] = {}
    given: dict[str, Any] = {}
    for key, value in _content(file).items():
        if isinstance(value, str) and _COLOR.fullmatch(value):
            colors[key.strip()] = value
        elif key in _KEYS:
            given[key] = value
        else:
            raise BadInputError(file, f"has an unknown key {key!r}", _REMEDY)
    for name, color in _pairs(file, "colors", given.get("colors", {})).items():
        if not _COLOR.fullmatch(color):
            # Without quotes YAML takes what follows # for a comment.
            raise BadInputError(
                file, f"has no colour for {name}, but {color!r}", 'write Neuron: "#ff0000"'
            )
        colors[name] = color
    merge: dict[str, str] = {}
    for target, parts in _mapping(file, "merge", given.get("merge", {})).items():
        for part in _names(file, "merge", parts):
            if merge.setdefault(part, target) != target:
                raise BadInputError(
                    file, f"merges {part!r} into {merge[part]!r} and {target!r}", "choose one"
                )
    unclassified = given.get("unclassified", UNCLASSIFIED)
    if not isinstance(unclassified, str) or not unclassified.strip():
        raise BadInputError(file, "has no name under 'unclassified'", "write a single name")
    lists = {key: _names(file, key, given.get(key, [])) for key in _LISTS}
    return ClassRules(
        rename=_pairs(file, "rename", given.get("rename", {})),
        merge=merge,
        unclassified=unclassified.strip(),
        colors=colors,
        **lists,
    )


def _content(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        from bridge.errors import MissingPartError

        raise MissingPartError("study", "read a file of classes", "pyyaml") from error
    try:
        # This loader makes texts of everything: a class may be called No, 1 or null.
        content = yaml.load(file.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = " ".join(str(error).split())[:200]
        raise BadInputError(file, f"is no YAML ({line})", _REMEDY) from error
    except RecursionError as error:
        raise BadInputError(file, "is nested too deeply", _REMEDY) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise BadInputError(file, "holds no rules for classes", _REMEDY)
    return content


def _mapping(file: Path, key: str, value: Any) -> dict[str, Any]:
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise BadInputError(file, f"has no pairs under {key!r}", f"write {key}: {{Name: …}}")
    return {name.strip(): content for name, content in value.items()}


def _pairs(file: Path, key: str, value: Any) -> dict[str, str]:
    pairs = _mapping(file, key, value)
    for name, content in pairs.items():
        if not isinstance(content, str) or not content.strip():
            raise BadInputError(
                file, f"has no single value for {name!r} under {key!r}", f"write {name}: value"
            )
    return {name: content.strip() for name, content in pairs.items()}


def _names(file: Path, key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value] if value else []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadInputError(file, f"has no list of names under {key!r}", f"write {key}: [A, B]")
    return tuple(dict.fromkeys(name.strip() for name in value if name.strip()))
