"""Install starbridge's scripts into QuPath's menu of user scripts."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from bridge.apps.finding import QuPathApp, absolute
from bridge.apps.installing import (
    Installed,
    explain_denied_access,
    put_files,
    read_sources,
)
from bridge.files.packaged import own_folder

MENU = "Automate › User scripts › StarBridge"
"""Menu of the installed scripts."""

SUBFOLDER = "StarBridge"
"""Folder among the user's scripts; QuPath makes a menu of it."""


def scripts_folder() -> Path:
    """Return the folder of starbridge's own scripts.

    Raises:
        BadInputError: there is none.
    """
    return own_folder("groovy", ".groovy", "script")


def user_folder(app: QuPathApp | None = None) -> Path:
    """Return QuPath's user directory, as QuPath proposes it.

    That is ``QuPath/v0.6`` in the home folder since QuPath 0.3, and ``QuPath`` for older ones. The
    user may have chosen another one, which QuPath stores in its preferences, out of our reach.

    Args:
        app: the QuPath to install for; without one (or its version), the directory of the
            newest version is taken.

    Returns:
        The folder, which need not exist.
    """
    home = Path.home() / "QuPath"
    versioned = [p for p in home.glob("v*.*") if p.is_dir() and _numbers(p.name) is not None]
    if app is not None and app.version is not None:
        major, minor = (*app.version.split("."), "0")[:2]
        wanted = home / f"v{major}.{minor}"
        # users who kept the directory of an older QuPath have none of this version
        return home if not wanted.is_dir() and (home / "scripts").is_dir() else wanted
    return max(versioned, key=lambda p: _numbers(p.name) or (), default=home)


def install(
    folder: str | PathLike[str] | None = None,
    *,
    app: QuPathApp | None = None,
    scripts: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> Installed:
    """Install scripts into QuPath's menu Automate › User scripts › StarBridge.

    Running it again updates them, except scripts that the user edited.

    Args:
        folder: QuPath's user directory, or any folder for the scripts; else :func:`user_folder`.
            A folder that has ``scripts``, ``extensions`` or ``logs`` in it counts as a user
            directory, whose ``scripts`` are meant.
        app: the QuPath to install for.
        scripts: folder of other scripts than starbridge's own.
        overwrite: replace edited scripts too, which are kept as ``NAME (edited).groovy``.

    Raises:
        BadInputError: the folder may not be written to, or there are no scripts.
    """
    source = scripts_folder() if scripts is None else Path(scripts)
    contents = read_sources(source, ".groovy", "script")
    notes = []
    if folder is None:
        user = user_folder(app)
        if not user.is_dir():
            notes.append(
                "QuPath has no user directory yet: in its Preferences, under Extensions, set "
                f"QuPath user directory to {user}, and start it again"
            )
        target = user / "scripts" / SUBFOLDER
    else:
        given = absolute(folder)
        parts = ("scripts", "extensions", "logs")
        of_user = any((given / part).is_dir() for part in parts)
        target = given / "scripts" / SUBFOLDER if of_user else given
        if not of_user:
            notes.append(
                "QuPath shows them under Automate › Shared scripts when its Preferences, under "
                f"Scripting, have {target} as Script directory"
            )
    with explain_denied_access(
        target, "you may not write there", "give a folder of your own with --folder"
    ):
        done = put_files(target, contents, overwrite=overwrite)
    hint = f"; QuPath shows them under {MENU}" if target.name == SUBFOLDER else ""
    return Installed(folder=target, noun="script", hint=hint, notes=tuple(notes), **done)


def _numbers(name: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in name.removeprefix("v").split("."))
    except ValueError:
        return None
