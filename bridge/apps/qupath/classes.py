"""Read colours of classes from a YAML file."""

from __future__ import annotations

import re
from os import PathLike

from bridge.errors import BadInputError
from bridge.formats import existing_file

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def read_classes(path: str | PathLike[str]) -> dict[str, str]:
    """Read names and colours of classes.

    Args:
        path: a YAML file of lines such as ``Neuron: "#ff0000"``.

    Returns:
        ``#rrggbb`` by name, in the file's order.

    Raises:
        BadInputError: no such file, no YAML, or a colour that is none.

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
    return {str(name): color.lower() for name, color in record.items()}
