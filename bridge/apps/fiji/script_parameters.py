"""Read the parameters of a macro, and fill them in.

Fiji asks for lines such as ``#@ File (label="Label image", style="open") labels``; plain ImageJ
takes them for a syntax error. Starbridge's own macros have settings instead
(:mod:`bridge.model.macro_settings`), which run everywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Literal

from bridge.apps.finding import absolute
from bridge.errors import BadInputError
from bridge.model.macro_settings import (
    NOT_GIVEN,
    ORIGIN,
    MacroSetting,
    MacroValue,
    SettingKind,
    lines_of_names,
    macro_literal,
    macro_settings,
)

Kind = Literal["text", "whole", "real", "truth", "file", "files", "other"]
"""Kind of value that a parameter takes, over all Java types."""

Value = MacroValue
"""Values that can be bound to a parameter."""

_BITS = {"byte": 8, "short": 16, "int": 32, "integer": 32, "long": 64, "biginteger": 64}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_BITS, "whole"),
    **dict.fromkeys(("float", "double", "number", "bigdecimal"), "real"),
    "boolean": "truth",
    "string": "text",
    "file": "file",
    "file[]": "files",
}
_WORDS: dict[Kind, str] = {
    "text": "a text",
    "whole": "a whole number",
    "real": "a number",
    "truth": "true or false",
    "file": "a path",
    "files": "a list of paths",
    "other": "something that only Fiji itself can give",
}
_IO_TYPES = ("input", "output", "both")
_LARGEST_WHOLE = 2**53
"""Numbers of macros are doubles: beyond this they skip whole numbers."""

_LINE_ENDS = re.compile(r"(\r\n|\r|\n)")  # those of Java; Python's own are more
_SCRIPT_LINE = re.compile(r"#@\s*script\s*(\(.*)?$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class ScriptParameter:
    """A ``#@`` line.

    Attributes:
        name: the macro's variable.
        type: the type as it is written (``File``, ``Double``, ``File[]``, …).
        label: its text in a dialog; the name where none is given.
        value: the default, as text; ``None`` where there is none.
        choices: the allowed values, as texts; empty where any is allowed.
        style: style of the dialog's field (``open``, ``save``, ``directory``, …), or ``""``.
        minimum: the smallest allowed number.
        maximum: the largest allowed number.
        required: True where the macro needs a value.
        is_output: True for a result of the macro.
        is_message: True for a text that a dialog shows without a field.
        line: its line in the macro, from 1.
    """

    name: str
    type: str
    label: str
    value: str | None
    choices: tuple[str, ...]
    style: str
    minimum: float | None
    maximum: float | None
    required: bool
    is_output: bool
    is_message: bool
    line: int

    @property
    def kind(self) -> Kind:
        """Kind of value that it takes."""
        return _KINDS.get(_short(self.type), "other")

    @property
    def is_input(self) -> bool:
        """True where the macro asks for its value."""
        return not (self.is_output or self.is_message)


def parameters(text: str, *, source: str | PathLike[str] = "macro") -> tuple[ScriptParameter, ...]:
    """Read the settings of a macro, or its ``#@`` lines, in their order.

    ``#@script`` lines are no parameters.

    Args:
        text: the macro.
        source: its file, for errors.

    Raises:
        BadInputError: a ``#@`` line that cannot be read, or two of one name.

    >>> [(p.name, p.kind) for p in parameters("#@ Double (value=2) sigma")]
    [('sigma', 'real')]
    """
    lines = lines_of_names(text)
    if lines:
        return tuple(_of_setting(s, lines[s.name]) for s in macro_settings(text))
    found: dict[str, ScriptParameter] = {}
    for number, line in _parameter_lines(text):
        if _SCRIPT_LINE.match(line):
            continue
        parameter = _parse(line, number, source)
        if parameter.name in found:
            raise BadInputError(
                source, f"line {number} asks for {parameter.name} again", "delete one of the lines"
            )
        found[parameter.name] = parameter
    return tuple(found.values())


def bind(text: str, values: Mapping[str, Value], *, source: str | PathLike[str]) -> str:
    """Fill in a macro's parameters, so that ImageJ runs it without asking.

    Every ``#@`` line becomes the declaration of a global variable on the same line (empty for
    messages, ``#@script`` and outputs), so that ImageJ's errors name the right line. These lines
    are ASCII, because ImageJ reads macro files as Latin-1 in places. A setting of our own macros
    becomes a text, in the line that names it for Fiji.

    Args:
        text: the macro.
        values: values by name; a relative path is taken from the current folder. Parameters that
            are left out take their default.
        source: the macro's file, for errors.

    Raises:
        BadInputError: an unknown name, one left out that has no default, a value of another type,
            not among the choices or out of range; a parameter that only Fiji itself can fill.

    >>> bind("#@ Double sigma", {"sigma": 0.5}, source="macro")
    'var sigma = 0.5;'
    """
    asked = {p.name: p for p in parameters(text, source=source) if p.is_input}
    if lines_of_names(text):
        values = by_own_names(values, asked, source)
    for name in values:
        if name not in asked:
            raise BadInputError(
                source,
                f"has no parameter {name}",
                f"it has {', '.join(asked)}" if asked else "it takes none",
            )
    if lines_of_names(text):
        lines = {p.line: _handed_over(p, values, source) for p in asked.values()}
        lines[min(lines)] = f'var {ORIGIN} = "starbridge"; {lines[min(lines)]}'
        pieces = _LINE_ENDS.split(text)
        for number, line in lines.items():
            pieces[2 * (number - 1)] = line
        return "".join(pieces)
    lines = {p.line: _bound(p, values, source) for p in asked.values()}
    return _replaced(text, lambda number: lines.get(number, ""))


def by_own_names(
    values: Mapping[str, Value], names: Iterable[str], source: str | PathLike[str]
) -> dict[str, Value]:
    """Return values by the names that one of our macros has: ``labelFile`` is ``label_file``, too.

    Args:
        values: values by name.
        names: the macro's settings.
        source: the macro's file, for errors.

    Raises:
        BadInputError: one setting is given twice.

    >>> by_own_names({"labelFile": "a.tif", "other": 1}, ["label_file"], "macro")
    {'label_file': 'a.tif', 'other': 1}
    """
    own = {_plain(name): name for name in names}
    found: dict[str, Value] = {}
    for given, value in values.items():
        name = own.get(_plain(given), given)
        if name in found:
            raise BadInputError(source, f"is given {name} twice", "give it once")
        found[name] = value
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _parameter_lines(text: str) -> Iterator[tuple[int, str]]:
    for index, line in enumerate(_LINE_ENDS.split(text.removeprefix("\ufeff"))[::2]):
        if line.startswith("#@"):
            yield index + 1, line


def _replaced(text: str, new: Callable[[int], str]) -> str:
    pieces = _LINE_ENDS.split(text.removeprefix("\ufeff"))
    for number, _ in _parameter_lines(text):
        index = 2 * (number - 1)
        end = pieces[index + 1] if index + 1 < len(pieces) else "\n"
        pieces[index] = new(number).replace("\n", end)
    return "".join(pieces)


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2].lower()


def _parse(line: str, number: int, source: str | PathLike[str]) -> ScriptParameter:
    rest = line[2:]
    left, right = rest.find("("), rest.rfind(")")
    attributes: dict[str, str | list[str]] = {}
    if right < left:
        raise _unreadable(line, number, source, "brackets that do not close")
    if left >= 0:
        try:
            attributes = _attributes(rest[left + 1 : right])
        except ValueError as error:
            raise _unreadable(line, number, source, str(error)) from error
        rest = rest[:left] + " " + rest[right + 1 :]
    words = rest.split()
    io_type = _text(attributes, "type").lower()
    if words and words[0].lower() in _IO_TYPES:
        io_type = words.pop(0).lower()
        if len(words) == 1:
            words.insert(0, "Object")
    if len(words) < 2:
        raise _unreadable(line, number, source, "no type and name")
    type_name, name = words[:2]
    if not _NAME.fullmatch(name):
        raise _unreadable(line, number, source, f"the name {name!r}, which no variable can have")
    choices = attributes.get("choices", [])
    value = attributes.get("value")
    try:
        minimum, maximum = (
            None if key not in attributes else _number(_text(attributes, key))
            for key in ("min", "max")
        )
    except ValueError as error:
        raise _unreadable(line, number, source, "a limit that is no number") from error
    return ScriptParameter(
        name=name,
        type=type_name,
        label=_text(attributes, "label") or name,
        value=None if value is None else value if isinstance(value, str) else ";".join(value),
        choices=tuple([choices] if isinstance(choices, str) else choices),
        style=_text(attributes, "style"),
        minimum=minimum,
        maximum=maximum,
        required=_text(attributes, "required").lower() != "false",
        is_output=io_type == "output",
        is_message=_text(attributes, "visibility").upper() == "MESSAGE",
        line=number,
    )


def _unreadable(line: str, number: int, source: str | PathLike[str], problem: str) -> BadInputError:
    return BadInputError(
        source,
        f"line {number} ({line.strip()}) has {problem}",
        'write it like #@ File (label="Label image") labels',
    )


def _text(attributes: Mapping[str, str | list[str]], key: str) -> str:
    value = attributes.get(key.lower(), "")
    return value if isinstance(value, str) else ",".join(value)


_TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s={},"']+(?:\s+[^\s={},"']+)*)"""
_TEXTS = rf"\{{((?:\s*{_TEXT}\s*(?:,|(?=\}})))*)\s*\}}"
_ATTRIBUTE = re.compile(rf"({_TEXT})\s*=\s*(?:({_TEXT})|{_TEXTS})\s*(?:,|$)\s*")
_JAVA_ESCAPE = re.compile(r"\\(u+[0-9a-fA-F]{4}|[0-7]{1,3}|.)")
_JAVA_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def _attributes(text: str) -> dict[str, str | list[str]]:
    """Parse ``key=value`` pairs with lower-case keys; a value is a text or a list of texts."""
    found: dict[str, str | list[str]] = {}
    rest = text.strip()
    while rest:
        match = _ATTRIBUTE.match(rest)
        if match is None:
            raise ValueError(f"settings that cannot be read at {rest!r}")
        key, value, items = match.groups()
        found[_unquoted(key).lower()] = (
            [_unquoted(item) for item in re.findall(_TEXT, items)]
            if value is None
            else _unquoted(value)
        )
        rest = rest[match.end() :]
    return found


def _unquoted(text: str) -> str:
    return _JAVA_ESCAPE.sub(_unescaped, text[1:-1]) if text[0] in "\"'" else text


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "u" and len(code) > 1:
        return chr(int(code.lstrip("u"), 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _JAVA_ESCAPES.get(code, code)


def _number(text: str) -> float:
    number = float(re.sub(r"(?<=[\d.])[fFdDlL]$", "", text.strip()))  # Java's 0.5f and 10L
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _bound(
    parameter: ScriptParameter, values: Mapping[str, Value], source: str | PathLike[str]
) -> str:
    if parameter.kind == "other":
        raise _only_fiji(parameter, source)
    if parameter.name in values:
        value = _checked(parameter, values[parameter.name], source)
    elif parameter.value is not None:
        value = _checked(parameter, _default(parameter, source), source)
    elif parameter.required:
        raise BadInputError(
            source, f"needs a value for {parameter.name} ({parameter.label})", _remedy(parameter)
        )
    else:
        empty: dict[Kind, Value] = {"whole": math.nan, "real": math.nan, "truth": False}
        value = empty.get(parameter.kind, [] if parameter.kind == "files" else "")
    if isinstance(value, float) and math.isnan(value):
        return f"var {parameter.name} = NaN;"
    return f"var {parameter.name} = {macro_literal(value)};"


_SETTING_TYPES: dict[SettingKind, str] = {
    **dict.fromkeys(("file", "folder"), "File"),
    **dict.fromkeys(("text", "choice"), "String"),
    "number": "Double",
    "whole": "Integer",
    "truth": "Boolean",
}


def _of_setting(setting: MacroSetting, line: int) -> ScriptParameter:
    return ScriptParameter(
        name=setting.name,
        type=_SETTING_TYPES[setting.kind],
        label=setting.label,
        value=setting.default,
        choices=setting.choices,
        style="directory" if setting.kind == "folder" else "",
        minimum=setting.minimum,
        maximum=setting.maximum,
        required=False,
        is_output=False,
        is_message=False,
        line=line,
    )


def _handed_over(
    parameter: ScriptParameter, values: Mapping[str, Value], source: str | PathLike[str]
) -> str:
    """Return the line that hands over a setting; numbers as texts, which keep all digits."""
    text = NOT_GIVEN
    if parameter.name in values:
        value = _checked(parameter, values[parameter.name], source)
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"var {parameter.name} = {macro_literal(text)};"


def _only_fiji(parameter: ScriptParameter, source: str | PathLike[str]) -> BadInputError:
    return BadInputError(
        source,
        f"asks for {parameter.name}, a {parameter.type}, which only Fiji itself can give",
        "run it from Fiji's menus",
    )


def _default(parameter: ScriptParameter, source: str | PathLike[str]) -> Value:
    text = parameter.value or ""
    try:
        match parameter.kind:
            case "whole":
                number = _number(text)
                return int(number) if number == int(number) else number
            case "real":
                return _number(text)
            case "truth":
                return {"true": True, "false": False}[text.strip().lower()]
            case "files":
                return [part for part in text.split(";") if part]
            case _:
                return text
    except (ValueError, KeyError) as error:
        raise BadInputError(
            source,
            f"line {parameter.line}: the default {text!r} of {parameter.name} is not "
            f"{_WORDS[parameter.kind]}",
            "mend the macro",
        ) from error


def _checked(parameter: ScriptParameter, value: Value, source: str | PathLike[str]) -> Value:
    kind = parameter.kind
    good: Value | None = None
    match kind:
        case "text" if isinstance(value, str):
            good = value
        case "truth" if isinstance(value, bool):
            good = value
        case "whole" if isinstance(value, Integral) and not isinstance(value, bool):
            good = int(value)  # numpy's, too
        case "real" if isinstance(value, Real) and not isinstance(value, bool):
            good = _finite(value)
        case "file" if isinstance(value, (str, PathLike)):
            good = _absolute(value)
            if good == "" and parameter.required:
                good = None
        case "files" if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            if all(isinstance(v, (str, PathLike)) and fspath(v) for v in value):
                good = [_absolute(v) for v in value]
    if good is None:
        raise BadInputError(
            source, f"{parameter.name} cannot be {_shown(value)}", _remedy(parameter)
        )
    _check_range(parameter, good, source)
    return good


def _finite(value: Real) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _check_range(parameter: ScriptParameter, value: Value, source: str | PathLike[str]) -> None:
    problem = ""
    if parameter.choices and not _among(parameter, value):
        problem = f"{_shown(value)} is none of the choices of {parameter.name}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if parameter.minimum is not None and value < parameter.minimum:
            problem = f"{parameter.name} = {value:g} is below {parameter.minimum:g}"
        if parameter.maximum is not None and value > parameter.maximum:
            problem = f"{parameter.name} = {value:g} is above {parameter.maximum:g}"
        largest = min(2 ** (_BITS.get(_short(parameter.type), 64) - 1), _LARGEST_WHOLE)
        if parameter.kind == "whole" and not -largest <= value < largest:
            problem = f"{parameter.name} = {value} is too large for ImageJ"
    if problem:
        raise BadInputError(source, problem, _remedy(parameter))


def _among(parameter: ScriptParameter, value: Value) -> bool:
    if isinstance(value, (int, float)):
        return any(float(value) == _number(choice) for choice in parameter.choices)
    return value in parameter.choices


def _absolute(path: str | PathLike[str]) -> str:
    return str(absolute(path)) if fspath(path) else ""


def _shown(value: object) -> str:
    text = repr(fspath(value)) if isinstance(value, PathLike) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _remedy(parameter: ScriptParameter) -> str:
    if parameter.choices:
        return f"{parameter.name} is one of {', '.join(parameter.choices)}"
    limits = [
        f"{words} {limit:g}"
        for words, limit in (("at least", parameter.minimum), ("at most", parameter.maximum))
        if limit is not None
    ]
    return f"{parameter.name} is {_WORDS[parameter.kind]}" + (
        f", {' and '.join(limits)}" if limits else ""
    )
