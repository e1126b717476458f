"""Pickles in a project, judged by their opcodes and never loaded.

ilastik loads the pickles of a project when it opens it, and a pickle can run any program. So a
project from elsewhere is scanned before ilastik sees it: plain values (texts, numbers, lists) pass,
as do the few classes of ilastik's own that its versions have stored. Anything else is refused.

Stored as pickles (ilastik 1.0 to 1.4): ``ClassifierFactory`` and ``pickled_type`` as texts,
``Bookmarks/NNNN`` and ``ExportSettings`` as opaque values (``numpy.void``).
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import check_size, refuse_links
from bridge.formats.ilastik.content import opened

_SLOTS = re.compile(
    r"(?:^|/)(Bookmarks/[^/]+|Bookmarks|ExportSettings|ClassifierFactory|pickled_type"
    r"|pickled_classifier|HypothesesGraph|LearningHypothesesGraph|ResolvedMergers"
    r"|wrapper\d+|Detector|pickled_[^/]*)(?:/[^/]+)?$"
)
"""Names under which a version of ilastik loads what is there as a pickle, whatever its type."""

_CLASSIFIERS = (
    ("parallelVigraRfLazyflowClassifier", "ParallelVigraRfLazyflowClassifier"),
    ("vigraRfLazyflowClassifier", "VigraRfLazyflowClassifier"),
    ("vigraRfPixelwiseClassifier", "VigraRfPixelwiseClassifier"),
)

ALLOWED_GLOBALS = frozenset(
    {
        "copy_reg _reconstructor",
        "copyreg _reconstructor",
        "__builtin__ object",
        "builtins object",
        *(
            f"lazyflow.classifiers.{module} {name}{kind}"
            for module, name in _CLASSIFIERS
            for kind in ("", "Factory")
        ),
    }
)
"""Allowed imports of a pickle, as module and name: ilastik's own random forests."""

_SETTINGS = frozenset(
    {
        "VERSION",
        "_args",
        "_kwargs",
        "_label_proportion",
        "_num_forests",
        "_num_trees",
        "_variable_importance_enabled",
        "_variable_importance_path",
    }
)
"""Texts in the pickle of a forest's settings: names of settings. A text that is a value, such as a
path to write to, is none of ilastik's."""

_IMPORTS = frozenset({"INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_PERSISTENT = frozenset({"PERSID", "BINPERSID"})
_REMEDY = (
    "do not open it with ilastik unless you trust who made it; ask them for a project without it"
)


def refuse_unknown_pickles(path: Path) -> int:
    """Check that nothing in a project can run a program when ilastik opens it.

    Args:
        path: the project.

    Returns:
        The number of pickles that it holds, all of them known.

    Raises:
        BadInputError: a pickle that is not known, named by its place; links, which could put one
            where this check does not see it; or no project.
    """
    count = 0
    with opened(path) as root:
        refuse_links(path, root.group)
        for place, values, is_slot in _values(path, root.group):
            for value in values:
                problem = _judge(value, is_slot)
                if problem:
                    raise BadInputError(path, f"its {place!r} {problem}", _REMEDY)
                count += is_slot
    return count


def _values(path: Path, root: h5py.File) -> Iterator[tuple[str, list[bytes], bool]]:
    """Yield each place where a pickle can be: its name, its bytes, and must it be a pickle."""
    names: list[str] = []
    odd: list[str] = []

    def look(name: str, link: Any) -> None:
        (names if isinstance(link, h5py.HardLink) else odd).append(name)

    root.visititems_links(look)
    if odd:
        raise BadInputError(path, f"its {odd[0]!r} is a link to another place", _REMEDY)
    for name in ("/", *names):
        node = root[name]
        # Each name leads to an object of its own, so that a name says what ilastik does with it.
        if h5py.h5o.get_info(node.id).rc > 1:
            raise BadInputError(path, f"its {name!r} has a second name", _REMEDY)
        for key in node.attrs:
            values, is_opaque = _bytes_of(node.attrs[key])
            yield f"{name}, attribute {key}", values, is_opaque
        if isinstance(node, h5py.Dataset):
            is_slot = _SLOTS.search(name) is not None
            if is_slot or node.dtype.kind in "VSO":
                check_size(path, node)
                values, is_opaque = _bytes_of(node[()])
                yield name, values, is_slot or is_opaque


def _bytes_of(value: Any) -> tuple[list[bytes], bool]:
    """Return the bytes of a stored value, a text each, and is any of it opaque."""
    if isinstance(value, bytes):
        return [value], False
    if isinstance(value, str):
        return [value.encode("utf-8", "surrogateescape")], False
    if isinstance(value, np.void):
        return [value.tobytes()], value.dtype.names is None
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        found = [_bytes_of(each) for each in value.ravel().tolist()]
        return [each for values, _ in found for each in values], any(it for _, it in found)
    if isinstance(value, np.ndarray | np.generic):
        return [value.tobytes()], value.dtype.kind == "V" and value.dtype.names is None
    return [], False


def _judge(value: bytes, must_be_pickle: bool) -> str:
    """Return why a value is refused, ``""`` where it is not.

    A loader runs what comes before a damage, so that a pickle which breaks off is judged up to
    there, and refused where a pickle has to be.
    """
    texts: list[str] = []
    imports: list[str] = []
    ended = False
    try:
        for opcode, argument, _ in pickletools.genops(value):
            if opcode.name in _IMPORTS:
                # In any text or array, bytes like these mean nothing without names before them.
                if must_be_pickle or texts or opcode.name == "INST":
                    return (
                        f"is a pickle that imports in a way that ilastik does not ({opcode.name})"
                    )
                break
            if opcode.name in _PERSISTENT and must_be_pickle:
                return "is a pickle that refers to things outside of it"
            if opcode.name == "GLOBAL":
                if argument not in ALLOWED_GLOBALS:
                    return f"is a pickle that imports {str(argument).replace(' ', '.')[:80]!r}"
                imports.append(str(argument))
            elif isinstance(argument, str | bytes):
                texts.append(argument if isinstance(argument, str) else argument.decode("latin1"))
            ended = opcode.name == "STOP"
    except Exception:  # no pickle, or a damaged one: pickletools raises several kinds of errors
        ended = False
    if must_be_pickle and not ended:
        return "is not a value that ilastik stores there"
    strange = [text for text in texts if text not in _SETTINGS] if imports else []
    if strange:
        return f"is a pickle of a forest with a setting that ilastik never writes ({strange[0]!r})"
    return ""
