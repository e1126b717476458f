"""Puts starbridge's scripts into QuPath's menu of user scripts."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import bridge
from bridge.apps.finding import QuPathApp, absolute
from bridge.apps.installing import put_files, sorted_by
from bridge.errors import BadInputError
from bridge.files.atomic import write_error

MENU = "Automate › User scripts › StarBridge"
"""Where QuPath shows the scripts."""

SUBFOLDER = "StarBridge"
"""Folder of starbridge's scripts among the user's; QuPath makes a menu of it."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What an installation did.

    Attributes:
        folder: folder of the scripts.
        written: scripts that are new or newer than before.
        unchanged: scripts that were there already.
        kept: scripts that a person has changed, left as they are.
        saved: copies of changed scripts that were replaced.
        removed: scripts of an older starbridge that are no more.
        notes: what else to know, a line each.
    """

    folder: Path
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    kept: tuple[Path, ...]
    saved: tuple[Path, ...]
    removed: tuple[Path, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """What was done, for a person."""
        count = len(self.written) + len(self.unchanged)
        shown = f"; QuPath shows them under {MENU}" if self.folder.name == SUBFOLDER else ""
        lines = [f"{count} scripts in {self.folder}{shown}"]
        lines += [
            f"{path}: you have changed it, so it stays; --overwrite replaces it, and keeps yours "
            "under another name"
            for path in self.kept
        ]
        lines += [f"{path}: your changed script" for path in self.saved]
        return [*lines, *self.notes]


def scripts_folder() -> Path:
    """The folder of starbridge's own scripts, in a checkout or an installed package.

    Raises:
        BadInputError: there is none.
    """
    package = Path(bridge.__file__).parent
    for folder in (package / "groovy", package.parent / "groovy"):
        if any(folder.glob("*.groovy")):
            return folder
    raise BadInputError(package / "groovy", "holds no script", "install starbridge again")


def user_folder(app: QuPathApp | None = None) -> Path:
    """QuPath's user directory, as QuPath itself proposes it.

    That is ``QuPath/v0.6`` in the home folder since QuPath 0.3, and ``QuPath`` for older ones. A
    person may have chosen another one: QuPath keeps that among its preferences, out of our reach.

    Args:
        app: the QuPath that it is for; without one (or without a version), the directory of the
            newest version that there is.

    Returns:
        The folder, which need not exist.
    """
    home = Path.home() / "QuPath"
    versioned = [p for p in home.glob("v*.*") if p.is_dir() and _numbers(p.name) is not None]
    if app is not None and app.version is not None:
        major, minor = (*app.version.split("."), "0")[:2]
        wanted = home / f"v{major}.{minor}"
        # someone who took over the directory of an older QuPath has none of this version
        return home if not wanted.is_dir() and (home / "scripts").is_dir() else wanted
    return max(versioned, key=lambda p: _numbers(p.name) or (), default=home)


def install(
    folder: str | PathLike[str] | None = None,
    *,
    app: QuPathApp | None = None,
    scripts: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> Installed:
    """Put scripts where QuPath shows them, under Automate › User scripts › StarBridge.

    Running it again replaces what is older. A script that a person has changed stays as it is.

    Args:
        folder: QuPath's user directory, or any folder for the scripts; else :func:`user_folder`.
            A folder that has ``scripts``, ``extensions`` or ``logs`` in it counts as a user
            directory, whose ``scripts`` are meant.
        app: the QuPath that it is for.
        scripts: folder of other scripts than starbridge's own.
        overwrite: replace also what a person has changed, which is kept as
            ``NAME (edited).groovy``.

    Returns:
        What was done.

    Raises:
        BadInputError: the folder may not be written to, or there are no scripts.
    """
    source = scripts_folder() if scripts is None else Path(scripts)
    contents = {path.name: _read(path) for path in sorted(source.glob("*.groovy"))}
    if not contents:
        raise BadInputError(source, "holds no script", "give a folder of .groovy files")
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
    with _writing_to(target):
        done = put_files(target, contents, overwrite=overwrite)
    return Installed(folder=target, notes=tuple(notes), **sorted_by(done))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(path, f"cannot be read ({error})", "install starbridge again") from (
            error
        )


def _numbers(name: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in name.removeprefix("v").split("."))
    except ValueError:
        return None


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Say once and plainly that a folder belongs to somebody else."""
    try:
        yield
    except (BadInputError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise BadInputError(
                folder,
                "you may not write there",
                "give a folder of your own with --folder",
            ) from error
        if isinstance(error, OSError):
            raise write_error(folder, error) from error
        raise
