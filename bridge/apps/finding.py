"""Find QuPath on this computer by its files, and folders of programs; start nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.java.home import java_version

QUPATH_VARIABLE = "PAQUO_QUPATH_DIR"
"""Environment variable with the folder of QuPath; paquo reads it, too."""

# Where QuPath keeps its libraries and its Java on Linux, Windows and Mac.
_QUPATH_LIBRARIES = ("lib/app", "app", "Contents/app", "Contents/Java")
_QUPATH_JAVA = ("lib/runtime", "runtime", "Contents/runtime/Contents/Home")


@dataclass(frozen=True, kw_only=True)
class QuPathApp:
    """An installed QuPath.

    Attributes:
        path: its folder, as paquo takes it.
        version: its version (``0.6.0``); ``None`` where no file says it.
        java_version: version of its own Java; ``None`` where no file says it.
    """

    path: Path
    version: str | None
    java_version: str | None


def usual_places() -> list[Path]:
    """Return the folders in which people put programs on this system."""
    home = Path.home()
    places = [home / name for name in ("", "Desktop", "Downloads", "Documents", "Applications")]
    places += [home / "AppData" / "Local", home / "AppData" / "Local" / "Programs"]
    if platform.system() == "Windows":
        drive = Path(os.environ.get("SYSTEMDRIVE", "C:") + "\\")
        places += [drive, drive / "Program Files", drive / "Program Files (x86)"]
    else:
        places += [Path(name) for name in ("/Applications", "/opt", "/usr/local", "/usr/share")]
    return places


def folders_named(beginning: str, places: Iterable[Path]) -> Iterator[Path]:
    """Yield the entries of folders whose names begin so, the newest version first.

    Folders that do not exist or cannot be read are passed over.
    """
    for place in places:
        try:
            named = [p for p in place.iterdir() if p.name.lower().startswith(beginning.lower())]
        except OSError:
            continue
        yield from sorted(named, key=lambda p: version_numbers(p.name), reverse=True)


def absolute(path: str | PathLike[str]) -> Path:
    """Return an absolute path with ``~`` for the home folder, without following links."""
    whole = Path(path)
    with suppress(RuntimeError):  # A name that begins with ~ and is no home folder.
        whole = whole.expanduser()
    return whole.absolute()


def find_qupath(
    given: str | PathLike[str] | None = None, *, places: Sequence[Path] | None = None
) -> QuPathApp | None:
    """Find the QuPath to use.

    Args:
        given: its folder; else that of ``PAQUO_QUPATH_DIR``; else one in the usual places.
        places: folders to search instead of the usual ones.

    Returns:
        The app, ``None`` where there is none.

    Raises:
        BadInputError: ``given`` or ``PAQUO_QUPATH_DIR`` is no QuPath.
    """
    named = given if given is not None else os.environ.get(QUPATH_VARIABLE) or None
    if named is not None:
        folder = absolute(named)
        app = _qupath(folder)
        if app is None:
            problem = "is no QuPath: it has no lib/app, app or Contents/app with QuPath's libraries"
            if not folder.exists():
                problem = "does not exist"
            if given is None:
                problem = f"(from {QUPATH_VARIABLE}) {problem}"
            raise BadInputError(folder, problem, "give the folder of your QuPath")
        return app
    found = list(folders_named("qupath", usual_places() if places is None else places))
    if program := shutil.which("QuPath"):
        found.insert(0, Path(program).resolve().parent.parent)
    return next((app for folder in found if (app := _qupath(folder)) is not None), None)


def _qupath(folder: Path) -> QuPathApp | None:
    roots = (folder, folder / "QuPath", folder / "QuPath.app")
    for root in roots:
        for place in _QUPATH_LIBRARIES:
            try:
                names = [p.name.lower() for p in (root / place).iterdir()]
            except OSError:
                continue
            for name in ("qupath-core", "qupath-app", "qupath-gui-fx", "qupath"):
                pattern = re.compile(re.escape(name) + r"(?:-(\d.*))?\.jar")
                if match := next(filter(None, map(pattern.fullmatch, sorted(names))), None):
                    version = match[1] or version_in_name(root.name)
                    javas = (java_version(root / home) for home in _QUPATH_JAVA)
                    java = next(filter(None, javas), None)
                    return QuPathApp(path=root, version=version, java_version=java)
    return None


def version_in_name(name: str) -> str | None:
    """Return the version in the name of a folder or file, ``None`` where there is none.

    >>> version_in_name("ilastik-1.4.1rc2-Linux")
    '1.4.1rc2'
    """
    match = re.search(r"\d+(?:\.\d+)+(?:rc\d+|[ab]\d+)?", name)
    return match[0] if match else None


def version_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers in a version or name, for sorting.

    >>> version_numbers("fiji-1.54p")
    (1, 54)
    """
    return tuple(int(number) for number in re.findall(r"\d+", text))
