"""Names of classes that QuPath keeps, and colours of classes in a YAML file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from os import PathLike

from bridge.errors import BadInputError
from bridge.formats import existing_file

NO_CLASS = "Unclassified"
"""QuPath's name for an object without a class."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def name_in_qupath(name: str) -> str | None:
    """Return what the name of a class becomes in QuPath; ``None`` where it becomes no class.

    QuPath takes a name apart at colons and line breaks, trims the parts and joins them by ``": "``
    (``PathClass.fromString``); of a part that is blank it makes no class.

    >>> name_in_qupath("Tumor:Positive"), name_in_qupath(" lead"), name_in_qupath("a::b")
    ('Tumor: Positive', 'lead', None)
    """
    # Java's split leaves empty parts at the end out.
    parts = [part.strip() for part in re.split(r"[:\n]", re.sub(r"[:\n]+$", "", name))]
    if "\r" in name.strip():
        return None
    plain = "".join(c for c in ": ".join(parts) if unicodedata.category(c) != "Cc")
    return None if not all(parts) or plain == NO_CLASS else plain


def check_class_names(names: Iterable[str | None], source: str | PathLike[str]) -> None:
    """Check that classes come back from QuPath under the names that they have.

    Args:
        names: the names, ``None`` for no class.
        source: what has them, for the error.

    Raises:
        BadInputError: one would come back under another name, or as no class.
    """
    for name in dict.fromkeys(names):
        if name is None or (kept := name_in_qupath(name)) == name:
            continue
        becomes = "no class" if kept is None else repr(kept)
        remedy = "give it another name" if kept is None else f"rename it to {kept!r}"
        raise BadInputError(
            source, f"has the class {name!r}, of which QuPath makes {becomes}", remedy
        )


def read_classes(path: str | PathLike[str]) -> dict[str, str]:
    """Read names and colours of classes.

    Args:
        path: a YAML file of lines such as ``Neuron: "#ff0000"``.

    Returns:
        ``#rrggbb`` by name, in the file's order.

    Raises:
        BadInputError: no such file, no YAML, a colour that is none, or a name that QuPath would
            change.

    >>> from pathlib import Path
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "classes.yaml")
    >>> _ = path.write_text('Neuron: "#ff0000"')
    >>> read_classes(path)
    {'Neuron': '#ff0000'}
    """
    import yaml

    file = existing_file(path)
    remedy = 'write lines such as Neuron: "#ff0000"'
    try:
        # This loader makes texts of everything: a class may be called No, 1.0 or null.
        record = yaml.load(file.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).splitlines()[0]
        raise BadInputError(file, f"is no YAML ({line})", remedy) from error
    except RecursionError as error:
        raise BadInputError(file, "holds no classes", remedy) from error
    if not isinstance(record, dict):
        raise BadInputError(file, "holds no classes", remedy)
    for name, color in record.items():
        if not isinstance(color, str) or not _COLOR.fullmatch(color):
            # Without quotes YAML takes what follows # for a comment.
            there = repr(color) if isinstance(color, str) and color else "nothing that is one"
            raise BadInputError(file, f"has no colour for {name}, but {there}", remedy)
    check_class_names(map(str, record), file)
    return {str(name): color.lower() for name, color in record.items()}
