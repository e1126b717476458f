r"""Read the settings of starbridge's own ImageJ macros, and fill in other defaults.

Such a macro lists the names of its settings in comments at its top, where Fiji looks for the
parameters of a script; the settings themselves are statements, one a line::

    prob_threshold = numberSetting(prob_threshold, "Prob_threshold (least probability)", 0.5, 0, 1);

The first word of the label is the setting's name, as ImageJ has it in its dialogs, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Literal

SettingKind = Literal["file", "folder", "text", "number", "whole", "truth", "choice"]
"""Kinds of settings, after the macro functions that read them (``fileSetting``, …)."""

MacroValue = str | bool | int | float | PathLike[str] | Sequence[str | PathLike[str]]
"""Values that a macro can be given."""

ORIGIN = "settings_from"
"""Variable of a macro by which starbridge says that it filled in the others."""

NOT_GIVEN = "(default)"
"""Value of a setting that was not handed over: the macro takes its default."""

_HANDED_OVER = re.compile(r"^// @java\.io\.Serializable \([^\n]*\) (?P<name>\w+)$", re.MULTILINE)
_TEXT = r'"(?:[^"\\]|\\.)*"'
_PIECE = rf"(?:{_TEXT}|fromCharCode\([\d, ]*\)|parseFloat\({_TEXT}\)|[^,()+\n\"]+)"
_ARGUMENT = rf"{_PIECE}(?: \+ {_PIECE})*"
_PLAIN_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")
_SETTING = re.compile(
    r"^\t(?P<name>\w+) = (?P<kind>file|folder|text|number|whole|truth|choice)Setting\("
    rf"(?P=name), (?P<label>{_TEXT})(?P<choices>, newArray\([^()\n]*\))?, "
    rf"(?P<default>{_ARGUMENT})(?P<limits>(?:, {_ARGUMENT})*)\);$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class MacroSetting:
    """A setting of a macro.

    Attributes:
        name: its name, in lower case.
        kind: what it takes.
        label: its text in a dialog, underscores as they are.
        default: the value that it has by default, as text.
        choices: allowed texts; empty where any is allowed.
        minimum: the smallest allowed number, ``None`` where there is no limit.
        maximum: the largest allowed number.
    """

    name: str
    kind: SettingKind
    label: str
    default: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def lines_of_names(text: str) -> dict[str, int]:
    r"""Return the lines, from 1, in which a macro lists its settings for Fiji, by name.

    >>> lines_of_names("// @java.io.Serializable (persist=false) sigma\n")
    {'sigma': 1}
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _HANDED_OVER.match(line)
        if match is None:
            break
        found[match["name"]] = number
    return found


def macro_settings(text: str) -> tuple[MacroSetting, ...]:
    r"""Return the settings of a macro, in their order.

    >>> [setting] = macro_settings('\tsigma = numberSetting(sigma, "Sigma (px)", 1.5, 0, 1/0);')
    >>> setting.kind, setting.default, setting.minimum, setting.maximum
    ('number', '1.5', 0.0, None)
    """
    return tuple(_settings(text))


def with_defaults(text: str, defaults: Mapping[str, str | bool | float]) -> str:
    r"""Return a macro whose settings have other defaults.

    Args:
        text: the macro.
        defaults: values by the setting's name.

    Raises:
        KeyError: the macro has no such setting.

    >>> with_defaults('\tsigma = numberSetting(sigma, "Sigma (px)", 1.5, 0, 9);', {"sigma": 2})
    '\tsigma = numberSetting(sigma, "Sigma (px)", 2, 0, 9);'
    """
    left = dict(defaults)

    def replaced(match: re.Match[str]) -> str:
        if (default := left.pop(match["name"], None)) is None:
            return match[0]
        start, end = (place - match.start() for place in match.span("default"))
        shown = repr(default)
        if isinstance(default, str | bool) or "e" in shown:
            shown = macro_literal(default)
        return match[0][:start] + shown + match[0][end:]

    changed = _SETTING.sub(replaced, text)
    if left:
        raise KeyError(", ".join(left))
    return changed


def macro_literal(value: MacroValue) -> str:
    r"""Return a value as an expression of ImageJ's macro language, in ASCII.

    Characters that ImageJ's string literals cannot hold are joined to them by ``fromCharCode``.
    Numbers are exact.

    Args:
        value: a text, truth, number or path, or a list of texts and paths.

    >>> print(macro_literal("a\\b"), macro_literal(["a", "b"]))
    "a\\b" newArray("a", "b")
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        written = repr(float(value))  # numpy's repr has the type, too.
        # Of longer numbers, ImageJ's own reader loses the last digit.
        return written if _PLAIN_NUMBER.fullmatch(written) else f'parseFloat("{written}")'
    if isinstance(value, (str, PathLike)):
        return _string(fspath(value))
    if not value:
        return "newArray(0)"
    return f"newArray({', '.join(_string(fspath(v)) for v in value)})"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MOST_CODES = 64  # fromCharCode takes up to 100


def _string(text: str) -> str:
    parts: list[str] = []
    for piece in re.findall(r"[ -~\n\r\t]+|[^ -~\n\r\t]+", text):
        if piece[0] in "\n\r\t" or " " <= piece[0] <= "~":
            parts.append('"' + "".join(_ESCAPES.get(c, c) for c in piece) + '"')
            continue
        # Java's characters are UTF-16; a file name may hold a lone half.
        raw = piece.encode("utf-16-le", "surrogatepass")
        codes = [str(int.from_bytes(raw[i : i + 2], "little")) for i in range(0, len(raw), 2)]
        parts += [
            f"fromCharCode({', '.join(codes[i : i + _MOST_CODES])})"
            for i in range(0, len(codes), _MOST_CODES)
        ]
    if not parts or not parts[0].startswith('"'):
        parts.insert(0, '""')  # so that ImageJ sees a text from the start
    return " + ".join(parts)


def _settings(text: str) -> Iterator[MacroSetting]:
    for match in _SETTING.finditer(text):
        limits = [_limit(word) for word in match["limits"].split(", ")[1:]]
        yield MacroSetting(
            name=match["name"],
            kind=match["kind"],  # type: ignore[arg-type]  # one of the pattern's words
            label=_unquoted(match["label"]),
            default=_unquoted(match["default"]),
            choices=tuple(_unquoted(c) for c in re.findall(_TEXT, match["choices"] or "")),
            minimum=limits[0] if limits else None,
            maximum=limits[1] if len(limits) > 1 else None,
        )


def _limit(word: str) -> float | None:
    return None if word in ("1/0", "-1/0") else float(word)


def _unquoted(text: str) -> str:
    """Return the value of an expression: of a text, of texts and characters joined, or a number."""
    if not text.startswith('"'):
        return text.removeprefix('parseFloat("').removesuffix('")')
    raw = b""
    for piece in re.findall(rf"{_TEXT}|fromCharCode\([^()]*\)", text):
        if piece.startswith('"'):
            raw += re.sub(r"\\(.)", _unescaped, piece[1:-1]).encode("utf-16-le")
        else:
            codes = re.findall(r"\d+", piece)
            raw += b"".join(int(code).to_bytes(2, "little") for code in codes)
    return raw.decode("utf-16-le", "replace")


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1])
