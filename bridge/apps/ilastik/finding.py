"""Find ilastik on this computer by its files; start nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bridge.apps.finding import absolute, folders_named, usual_places, version_in_name
from bridge.errors import BadInputError

APP_VARIABLE = "ILASTIK"
"""Environment variable with the folder of ilastik, or with the program to start."""

# Mac's program in MacOS/ opens a window; the script beside its libraries runs without one. The
# script of old ilastiks on Windows (run-ilastik.bat) would go through a shell, and is not used.
_LAUNCHERS = (
    "run_ilastik.sh",
    "ilastik.exe",
    "Contents/ilastik-release/run_ilastik.sh",
    "Contents/MacOS/ilastik",
    "bin/ilastik",
)
_PROGRAMS = ("ilastik", "run_ilastik.sh")
_CONDA = "conda-meta"  # each ilastik is a conda environment, with a file for each package


@dataclass(frozen=True, kw_only=True)
class IlastikApp:
    """An installed ilastik.

    Attributes:
        launcher: the program to start.
        version: its version (``1.4.1``), where its folder says it.
    """

    launcher: Path
    version: str | None


def find_ilastik(
    given: str | PathLike[str] | None = None, *, places: Sequence[Path] | None = None
) -> IlastikApp | None:
    """Find the ilastik to use.

    Args:
        given: its folder, or the program itself (``run_ilastik.sh``, ``ilastik.exe``); else that
            of ``ILASTIK``; else one in the PATH or in the usual places.
        places: folders to search instead of the usual ones.

    Returns:
        The app, ``None`` where there is none.

    Raises:
        BadInputError: ``given`` or ``ILASTIK`` is no ilastik.

    >>> app = find_ilastik()  # doctest: +SKIP
    >>> app.version, app.launcher.name  # doctest: +SKIP
    ('1.4.1', 'run_ilastik.sh')
    """
    named = given if given is not None else os.environ.get(APP_VARIABLE) or None
    if named is not None:
        return _named(absolute(named), f"(from {APP_VARIABLE}) " if given is None else "")
    for name in _PROGRAMS:
        if program := shutil.which(name):
            return _app(Path(program).resolve())
    for folder in folders_named("ilastik", usual_places() if places is None else places):
        if (launcher := _launcher(folder)) is not None:
            return _app(launcher)
    return None


def require_ilastik(given: str | PathLike[str] | None = None) -> IlastikApp:
    """Return the ilastik to use.

    Raises:
        BadInputError: there is none, or ``given`` or ``ILASTIK`` is none.
    """
    app = find_ilastik(given)
    if app is None:
        raise BadInputError(
            "ilastik",
            "was not found on this computer",
            f"get it from https://www.ilastik.org, or set {APP_VARIABLE} to its folder",
        )
    return app


def _named(place: Path, origin: str) -> IlastikApp:
    launcher = place if place.is_file() else _launcher(place)
    if launcher is None:
        problem = "is no ilastik: it has no run_ilastik.sh, ilastik.exe or Contents/MacOS/ilastik"
        if not place.exists():
            problem = "does not exist"
        raise BadInputError(place, f"{origin}{problem}", "give the folder of your ilastik")
    if launcher.suffix.lower() in (".bat", ".cmd"):
        raise BadInputError(
            launcher,
            f"{origin}is a script that Windows runs in a shell",
            "give ilastik.exe in the folder of a newer ilastik",
        )
    return _app(launcher)


def _launcher(folder: Path) -> Path | None:
    for name in _LAUNCHERS:
        with suppress(OSError):
            if (folder / name).is_file():
                return folder / name
    return None


def _app(launcher: Path) -> IlastikApp:
    """Describe an ilastik by the name of its folder, or by the packages that are listed in it."""
    folders = list(launcher.parents)[:3]
    said = [version for folder in folders if (version := version_in_name(folder.name))]
    if not said:
        said = [
            version
            for folder in folders
            for name in ("ilastik-core-", "ilastik-")
            for file in sorted((folder / _CONDA).glob(f"{name}[0-9]*.json"))
            if (version := version_in_name(file.name))
        ]
    return IlastikApp(launcher=launcher, version=said[0] if said else None)
