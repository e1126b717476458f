"""Folders of models on this computer: the user's cache, and one that a lab shares."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.cache import cache_error, cache_folder
from bridge.model.provenance import Provenance, hash_file, is_whole, write_provenance
from bridge.model.published import PublishedModel

SHARED_VARIABLE = "STARBRIDGE_MODELS"
"""Environment variable that names a folder of models, which is read and never written."""

_TEMPORARY = ".unfinished-"
_ABANDONED = 24 * 3600  # seconds after which nobody works on an unfinished download any more


def models_folder() -> Path:
    """Return the folder of models in the user's cache, which may not exist yet."""
    return cache_folder() / "models"


def shared_folder() -> Path | None:
    """Return the shared folder of models, if one is named and there.

    Raises:
        BadInputError: one is named that is no folder.
    """
    given = os.environ.get(SHARED_VARIABLE)
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise BadInputError(
            folder, f"is no folder, but {SHARED_VARIABLE} names it", "correct the variable"
        )
    return folder


def find_shared(name: str) -> Path | None:
    """Find a model of the shared folder: ``NAME/``, ``NAME.zip`` or ``python_NAME.zip``.

    Raises:
        BadInputError: as :func:`shared_folder`.
    """
    folder = shared_folder()
    if folder is None or not name or Path(name).name != name:
        return None
    if (folder / name).is_dir():
        return folder / name
    zips = (folder / f"{name}.zip", folder / f"python_{name}.zip")
    return next((path for path in zips if path.is_file()), None)


def list_shared() -> list[Path]:
    """Return the models of the shared folder, by name.

    Raises:
        BadInputError: as :func:`shared_folder`.
    """
    folder = shared_folder()
    if folder is None:
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".")
        and (path.suffix == ".zip" or (path / "config.json").is_file())
    )


def find_cached(model: PublishedModel) -> Path | None:
    """Find a published model in the cache's folder, under any name that a browser gives it.

    A zip counts if its hash is the published one, a folder (a browser may unpack what it
    downloads) if it has a ``config.json``.
    """
    for path in _cached_zips(model):
        with suppress(OSError):
            if hash_file(path) == model.sha256:
                return path
    folders = (models_folder() / stem for stem in _stems(model))
    return next((folder for folder in folders if (folder / "config.json").is_file()), None)


def find_misfit(model: PublishedModel) -> Path | None:
    """Find a zip in the cache's folder that has the name of a published model and another hash."""
    if find_cached(model) is not None:
        return None
    return next(iter(_cached_zips(model)), None)


def _stems(model: PublishedModel) -> tuple[str, str]:
    return f"python_{model.name}", model.name


def _cached_zips(model: PublishedModel) -> list[Path]:
    return [p for stem in _stems(model) for p in sorted(models_folder().glob(f"{stem}*.zip"))]


def keep_unpacked(
    name: str, provenance: Provenance, fill: Callable[[Path], None]
) -> tuple[Path, bool]:
    """Return the unpacked folder of a model file; unpack it where it is not there or damaged.

    Other processes see the whole folder or none.

    Args:
        name: the model's name, and the folder's.
        provenance: of the file.
        fill: writes the model into an empty folder.

    Returns:
        The folder, and whether a damaged one was there before.

    Raises:
        BadInputError: the cache cannot be written, or what ``fill`` raises.
    """
    target = models_folder() / "unpacked" / provenance.sha256 / name
    if is_whole(target):
        return target, False
    damaged = target.exists()
    with temporary_folder(models_folder()) as temporary:
        part = temporary / name
        part.mkdir()
        fill(part)
        write_provenance(part, provenance)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.rename(target)
        except OSError:
            # A whole one of another process that was faster stays: somebody may be reading it.
            if not is_whole(target):
                with suppress(FileNotFoundError):
                    target.rename(temporary / "replaced")
                part.rename(target)
    return target, damaged


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside finished models, and remove it at the end.

    Those that killed processes left behind are removed after a day.

    Raises:
        BadInputError: the cache cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(path, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=_TEMPORARY, ignore_cleanup_errors=True
        ) as temporary:
            yield Path(temporary)
    except OSError as error:
        raise cache_error(folder, error) from error
