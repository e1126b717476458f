"""Read macros, and the values of their parameters from a command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

from bridge.apps.fiji.script_parameters import (
    ScriptParameter,
    Value,
    by_own_names,
    parameters,
)
from bridge.errors import BadInputError
from bridge.model.macro_settings import lines_of_names

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_macro(macro: str | PathLike[str]) -> tuple[str, str]:
    """Return name and text of a macro.

    Args:
        macro: a file (a path, or a text of one line that ends with ``.ijm`` or ``.txt``), or the
            macro itself.

    Raises:
        BadInputError: no such file, or it is no text.

    >>> read_macro("return 1;")
    ('macro', 'return 1;')
    """
    if isinstance(macro, str) and ("\n" in macro or not macro.lower().endswith((".ijm", ".txt"))):
        return "macro", macro
    path = Path(macro)
    try:
        return str(path), path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise BadInputError(path, "there is no such macro", "check the path") from error
    except UnicodeDecodeError as error:
        raise BadInputError(path, "is no text", "give an ImageJ macro saved as UTF-8") from error
    except OSError as error:
        raise BadInputError(path, f"cannot be read ({error.strerror})") from error


def as_options(values: Mapping[str, Value]) -> str:
    """Format values as ImageJ's ``run`` takes them: ``key=value key=[a value]``.

    Raises:
        BadInputError: brackets that would end a value too early.

    >>> as_options({"sigma": 2, "title": "my image"})
    'sigma=2 title=[my image]'
    """
    words = []
    for key, value in values.items():
        text = fspath(value) if isinstance(value, PathLike) else str(value)
        if isinstance(value, bool):
            text = str(value).lower()
        if re.search(r"[\s\[\]']", text) or not text:
            if text.count("[") != text.count("]"):
                raise BadInputError(
                    key, f"{text!r} has unpaired brackets", "give it by a #@ parameter instead"
                )
            text = f"[{text}]"
        words.append(f"{key}={text}")
    return " ".join(words)


def read_values(macro: str | PathLike[str], words: Sequence[str]) -> dict[str, Value]:
    """Turn ``NAME=VALUE`` words of a command line into values of a macro's script parameters.

    Args:
        macro: as in :func:`read_macro`. Where it has no script parameters, values stay texts.
        words: the words.

    Raises:
        BadInputError: no such macro, a word without ``=``, a name given twice, or a text that is
            no value of its parameter's type.

    >>> read_values("#@ Double sigma", ["sigma=2"])
    {'sigma': 2.0}
    """
    source, macro_text = read_macro(macro)
    known = {parameter.name: parameter for parameter in parameters(macro_text, source=source)}
    values: dict[str, Value] = {}
    own = lines_of_names(macro_text)
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier():
            raise BadInputError(word, "is no parameter of a macro", "give NAME=VALUE")
        if own:
            (name,) = by_own_names({name: text}, known, source)
        if name in values:
            raise BadInputError(source, f"is given {name} twice", "give it once")
        values[name] = _value(text, known[name], source) if name in known else text
    return values


def _value(text: str, parameter: ScriptParameter, source: str | PathLike[str]) -> Value:
    kind = parameter.kind
    try:
        if kind == "whole":
            return int(text)
        if kind == "real":
            return float(text)
        if kind == "truth":
            return _TRUTHS[text.strip().lower()]
    except (ValueError, KeyError):
        wanted = {"whole": "a whole number", "real": "a number", "truth": "true or false"}[kind]
        raise BadInputError(
            source, f"wants {wanted} for {parameter.name}, not {text!r}", "give another value"
        ) from None
    return text.split(",") if kind == "files" else text
