"""Build the ImageJ macros and QuPath scripts from short mains and a shared library.

Neither ImageJ's macro language nor QuPath's script editor can include another file, and a user
opens one script, not a folder. So ``macros/src/NAME.ijm`` and ``groovy/src/NAME.groovy`` hold
settings and main part, ``lib/`` beside them holds the functions, one topic a file, and this tool
writes ``macros/NAME.ijm`` and ``groovy/NAME.groovy``: the main part, followed by the library
functions that it calls, directly or through others. A script that uses a class of
``PackedObjects.groovy`` gets that file's classes, too.

Run ``python -m tools.build_scripts`` after every change of ``src`` or ``lib``; ``--check`` writes
nothing and exits with status 1 if a built script is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = "python -m tools.build_scripts"

_COMMENT = re.compile(r"/\*.*?\*/|(?:(?<=\s)|^)//[^\n]*", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"(?<![.\w])(\w+)(?:\(| \{)")
_IMPORT = re.compile(r"^import (?:\w+\.)+(\w+)\n", re.MULTILINE)
_IMPORT_BLOCK = re.compile(r"(?:^import [^\n]*\n)+", re.MULTILINE)
_CLASS = re.compile(r"^(?:class|interface) (\w+)", re.MULTILINE)
_VARIABLE = re.compile(r"^var (?P<text>(?P<name>\w+) = [^\n;]*);[^\n]*\n", re.MULTILINE)
_SETTING = re.compile(r"^\t(\w+) = \w+Setting\(\1, ", re.MULTILINE)
_WIDTH = 100

_ORIGIN = "settings_from"
"""Variable of a macro by which starbridge says that it filled in the others."""

# Fiji reads parameters from comments at the top of a script, which ImageJ passes over. It shows no
# field for the type Serializable: a call that hands over some settings gets no dialog for the rest.
_HANDED_OVER = '// @java.io.Serializable (value="(default)", required=false, persist=false) {}\n'
_HEADER_END = "// (These lines tell Fiji the names of the settings; the settings are below.)\n//\n"


class ScriptSourceError(ValueError):
    """A source of the scripts from which nothing can be built."""


@dataclass(frozen=True)
class Language:
    """A script language and the folder of its scripts.

    Attributes:
        folder: name of the folder, which holds ``src``, ``lib`` and the built scripts.
        ending: ending of the scripts.
        function: pattern of a documented function at the left margin, with the group ``name``.
        classes: file of classes that scripts use as a whole, below the root; its last line may name
            the class that a program gets from it.
    """

    folder: str
    ending: str
    function: re.Pattern[str]
    classes: str | None = None


LANGUAGES = (
    Language(
        "macros",
        ".ijm",
        re.compile(r"(?:^//[^\n]*\n)+^function (?P<name>\w+)\(.*?^}\n", re.DOTALL | re.MULTILINE),
    ),
    Language(
        "groovy",
        ".groovy",
        re.compile(
            r"^/\*\*(?:(?!\*/).)*\*/\n(?:static )?[\w<>, ]+ (?P<name>\w+)\([^\n]*\{\n.*?^}\n",
            re.DOTALL | re.MULTILINE,
        ),
        "bridge/apps/qupath/worker/PackedObjects.groovy",
    ),
)


@dataclass(frozen=True)
class Function:
    """A library function.

    Attributes:
        name: its name, which no other function of the language has.
        text: its comment and code.
        file: the library file that defines it.
    """

    name: str
    text: str
    file: Path


@dataclass(frozen=True)
class ClassFile:
    """Classes that a script has as a whole if it uses one of them.

    Attributes:
        path: their file.
        text: their code, without imports and without the last line that names a class.
        names: their names.
        imports: import lines by the class's simple name.
    """

    path: Path
    text: str
    names: frozenset[str]
    imports: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> ClassFile:
        """Read a file of classes."""
        text = path.read_text("utf-8")
        imports = {m[1]: m[0] for m in _IMPORT.finditer(text)}
        body = re.sub(r"\n\w+\n*\Z", "\n", _IMPORT.sub("", text))
        return cls(path, body.strip("\n") + "\n", frozenset(_CLASS.findall(text)), imports)


@dataclass
class Library:
    """The functions, global variables and imports of a language's library files.

    Attributes:
        functions: functions by name, in the order of files and lines.
        variables: global variables with their first values, by name (ImageJ macros only).
        imports: import lines by the class's simple name (Groovy only).
        classes: classes that its functions use.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    classes: ClassFile | None = None

    @classmethod
    def read(cls, folder: Path, language: Language) -> Library:
        """Read the library files of a folder.

        Args:
            folder: the folder ``lib``.
            language: its language.

        Raises:
            ScriptSourceError: two functions of one name, or code outside a documented function.
        """
        library = cls()
        if language.classes is not None:
            file = folder.parents[1] / language.classes
            library.classes = ClassFile.read(file) if file.exists() else None
        for path in sorted(folder.glob(f"*{language.ending}")):
            text = path.read_text("utf-8")
            for match in language.function.finditer(text):
                function = Function(match["name"], match[0], path)
                other = library.functions.setdefault(function.name, function)
                if other is not function:
                    raise ScriptSourceError(
                        f"{path}: {function.name}() is defined in {other.file.name} too; rename one"
                    )
            rest = language.function.sub("", text)
            library.variables.update({m["name"]: m["text"] for m in _VARIABLE.finditer(rest)})
            library.imports.update({m[1]: m[0] for m in _IMPORT.finditer(rest)})
            if stray := code_of(_VARIABLE.sub("", _IMPORT.sub("", rest))).strip():
                raise ScriptSourceError(
                    f"{path}: {stray.splitlines()[0]!r} belongs to no documented function; put a "
                    "comment above the function, and other code into one"
                )
        return library

    def needed(self, main: str) -> list[Function]:
        """Return the functions that a main part calls, directly or through others, in order."""
        found: set[str] = set()
        texts = [main]
        while texts:
            calls = set(_CALL.findall(code_of(texts.pop()))) & self.functions.keys()
            texts += [self.functions[name].text for name in calls - found]
            found |= calls
        return [function for name, function in self.functions.items() if name in found]


def code_of(text: str) -> str:
    """Return a script's text without its comments."""
    return _COMMENT.sub("", text)


def build_script(path: Path, library: Library, language: Language) -> str:
    """Return the complete script of a main part.

    Args:
        path: the main part, a file of ``src``.
        library: the language's library.
        language: the language.

    Raises:
        ScriptSourceError: the main part defines a function of the library, or has no place for
            the imports that the library needs.
    """
    main = path.read_text("utf-8").rstrip("\n") + "\n"
    for match in language.function.finditer(main):
        if match["name"] in library.functions:
            raise ScriptSourceError(f"{path}: {match['name']}() is in the library too; rename it")
    functions = library.needed(main)
    code = code_of(main + "".join(function.text for function in functions))
    words = set(re.findall(r"\w+", _IMPORT.sub("", code)))
    classes = library.classes
    if classes is not None and words.isdisjoint(classes.names):
        classes = None
    if classes is not None:
        words |= set(re.findall(r"\w+", code_of(classes.text)))

    imports = (
        library.imports
        | (classes.imports if classes else {})
        | {m[1]: m[0] for m in _IMPORT.finditer(main)}
    )
    if lines := sorted(line for name, line in imports.items() if name in words):
        main, count = _IMPORT_BLOCK.subn(lambda _: "".join(lines), main, count=1)
        if not count:
            raise ScriptSourceError(f"{path}: has no import; put its own imports below the header")
    variables = _declared(text for name, text in library.variables.items() if name in words)
    if settings := _SETTING.findall(main):
        variables = [*_declared([_ORIGIN, *settings]), *variables]
    if variables:
        header = re.match(r"(?://[^\n]*\n)*", main)
        end = max((m.end() for m in (header, *_VARIABLE.finditer(main)) if m), default=0)
        main = main[:end] + "".join(variables) + main[end:]
    if settings:
        main = "".join(_HANDED_OVER.format(name) for name in settings) + _HEADER_END + main
    if not functions:
        return main
    notice = (
        f"// ---- Library of starbridge: built from {language.folder}/lib, nothing to set below "
    )
    whole = [] if classes is None else [f"// -- {classes.path.name} --\n", classes.text]
    return "\n".join([main, notice.ljust(_WIDTH, "-") + "\n", *_sections(functions), *whole])


def _declared(parts: Iterable[str]) -> list[str]:
    """Return declarations of global variables in few lines, so that they stand in no one's way."""
    lines: list[str] = []
    for part in parts:
        if not lines or len(lines[-1]) + len(part) > _WIDTH - len(", ;"):
            lines.append(f"var {part}")
        else:
            lines[-1] += f", {part}"
    return [f"{line};\n" for line in lines]


def _sections(functions: Iterable[Function]) -> list[str]:
    """Return the functions' texts, the name of the library file before the first one of each."""
    texts: list[str] = []
    file = None
    for function in functions:
        if function.file != file:
            file = function.file
            texts.append(f"// -- {file.parent.name}/{file.name} --\n")
        texts.append(function.text)
    return texts


def build_all(root: Path = ROOT) -> dict[Path, str]:
    """Return the text of every complete script by its path.

    Args:
        root: the folder that holds ``macros`` and ``groovy``.

    Raises:
        ScriptSourceError: a source from which nothing can be built.
    """
    built: dict[Path, str] = {}
    for language in LANGUAGES:
        folder = root / language.folder
        library = Library.read(folder / "lib", language)
        for path in sorted((folder / "src").glob(f"*{language.ending}")):
            built[folder / path.name] = build_script(path, library, language)
    return built


def find_stale(built: dict[Path, str], root: Path = ROOT) -> list[Path]:
    """Return the scripts of a folder that differ from what their sources give, or have none."""
    present = {p for lang in LANGUAGES for p in (root / lang.folder).glob(f"*{lang.ending}")}
    return sorted(
        path
        for path in present | built.keys()
        if path not in present or path.read_bytes() != built.get(path, "").encode()
    )


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Build the scripts, or check them; return the exit status."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Build the scripts for Fiji, QuPath."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if one is stale")
    check = parser.parse_args(arguments).check
    try:
        built = build_all(root)
    except ScriptSourceError as error:
        print(error, file=sys.stderr)
        return 1
    failed = False
    for path in find_stale(built, root):
        if path in built and not check:
            path.write_bytes(built[path].encode())
            print(f"wrote {path}")
            continue
        failed = True
        remedy = f"run {COMMAND}" if path in built else "delete it, or write its source"
        print(f"{path} is not what {path.parent.name}/src and lib give; {remedy}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
