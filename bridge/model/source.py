"""The places that a model can come from: folders, files, names and URLs."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.names import safe_name
from bridge.model.address import file_name_of, is_address, without_secrets
from bridge.model.bioimageio import RDF_NAMES
from bridge.model.download import download
from bridge.model.model_files import recognize
from bridge.model.provenance import hash_file
from bridge.model.published import PUBLISHED, PublishedModel, find_published, suggest_name
from bridge.model.store import (
    find_cached,
    find_misfit,
    find_shared,
    list_shared,
    models_folder,
)
from bridge.model.unpack import LocatedModel, open_file, open_folder

FLUO, DEMO = "fluo", "demo"
"""Name and alias of the model that is part of starbridge."""

_LEGACY_PREFIX = "python_"  # StarDist's downloads are called python_2D_demo.zip
_ENDINGS = (".zip", ".pb", ".onnx")
_NAMES = ", ".join(model.name for model in PUBLISHED)
_GIVE = (
    "give the folder that holds config.json and weights_best.h5, a zip of it, its URL, or one of "
    f"{FLUO}, {_NAMES}"
)


def demo_model_folder() -> Path:
    """Return the folder of the built-in model, ``fluo``.

    Returns:
        A StarDist 2D model folder (``config.json``, ``thresholds.json``, ``weights_best.h5``) with
        its recipe (``recipe.json``) and model card (``README.md``).

    Example:
        >>> demo_model_folder().joinpath("config.json").is_file()
        True
    """
    return Path(__file__).parents[1] / "demo" / "model"


def locate_model(model: str, *, fetch: bool = True) -> LocatedModel:
    """Find a model, and download and unpack it where that is needed.

    Args:
        model: ``fluo`` or ``demo``; a model folder; a zip of one; a bioimage.io package (folder or
            zip); a URL of a zip; the name or alias of a published model
            (:data:`bridge.model.published.PUBLISHED`); or the name of a model in the folder that
            ``STARBRIDGE_MODELS`` names. What is in the working folder comes first, then the shared
            folder, then the cache, then the network.
        fetch: whether it may be downloaded.

    Raises:
        BadInputError: no such model, a file that is none or does harm, no network, another hash
            than the published one, or a cache that cannot be written.

    Example:
        >>> locate_model("demo").name
        'demo'
    """
    if model in (FLUO, DEMO):
        return LocatedModel(demo_model_folder(), model)
    if is_address(model):
        return _open_address(model, fetch=fetch)
    path = Path(model)
    published = find_published(model)
    try:
        path = path.expanduser()
        is_there = path.exists()
    except PermissionError as error:
        raise BadInputError(
            path, "cannot be read", "check the permissions of its folder"
        ) from error
    except (OSError, ValueError, RuntimeError):  # too long, impossible, or of an unknown user
        is_there = False
    if is_there:
        found = _open_path(path, path.resolve().name)
        if published is None:
            return found
        note = f"{path.absolute()} is used, not the model {model} that StarDist publishes"
        return replace(found, notes=(note, *found.notes))
    if published is not None:
        return _open_published(published, fetch=fetch)
    if shared := find_shared(model):
        return _open_path(shared, model)
    raise BadInputError(model, "does not exist", _suggestion(path))


def name_of_file(path: Path) -> str:
    """Return the name of the model in a file: without ending, and StarDist's ``python_``.

    >>> name_of_file(Path("python_2D_demo.zip"))
    '2D_demo'
    """
    stem = path.stem if path.suffix.lower() in _ENDINGS else path.name
    return safe_name(stem.removeprefix(_LEGACY_PREFIX)) or "model"


def fetch_published(model: PublishedModel) -> Path:
    """Return the zip (or folder) of a published model; download it where it is nowhere.

    Raises:
        BadInputError: it cannot be downloaded, or the cache cannot be written.
    """
    kept = find_shared(model.name) or find_cached(model)
    if kept is not None:
        return kept
    folder = models_folder()
    remedy = f"download it in a browser, and put the file into {folder}"
    if misfit := find_misfit(model):
        remedy += f" ({misfit.name}, which is there, is another file or damaged)"
    return download(model.address, folder / model.file_name, model.sha256, remedy)


def fetch_model(model: str) -> Path:
    """Download a model, so that it can be opened without a network afterwards.

    A published model that is there already is not downloaded again; what is behind a URL is.

    Args:
        model: the name or alias of a published model, or a URL.

    Returns:
        Its zip (or a folder, where somebody unpacked it).

    Raises:
        BadInputError: no such name, it cannot be downloaded, is no model, or the cache cannot be
            written.
    """
    if is_address(model):
        path = fetch_address(model, again=True)
        open_file(path, name_of_file(path), "address", without_secrets(model))
        return path
    published = find_published(model)
    if published is None:
        raise BadInputError(model, "is no published model", _suggestion(Path(model)))
    path = fetch_published(published)
    _open_published(published, fetch=True)  # unpacks it
    return path


def copy_model(path: Path, folder: Path) -> Path:
    """Copy a zip that :func:`fetch_model` returned, whole or not at all.

    Raises:
        BadInputError: the folder cannot be written, or it is an unpacked model instead of a zip.
    """
    if path.is_dir():
        raise BadInputError(path, "is an unpacked model, not a zip", "copy the folder yourself")
    target = folder.expanduser() / path.name
    with writing(target) as part:
        shutil.copyfile(path, part)
    return target


def fetch_address(address: str, *, again: bool = False) -> Path:
    """Return the file behind a URL; download it the first time.

    Args:
        address: the URL.
        again: whether the file is downloaded though it is there.

    Raises:
        BadInputError: it cannot be downloaded, is no model, or the cache cannot be written.
    """

    def check(path: Path) -> None:
        try:
            recognize(path)
        except BadInputError as error:
            raise BadInputError(without_secrets(address), error.problem, error.remedy) from error

    target = _place_of(address)
    return download(address, target, check=check) if again or not target.is_file() else target


def _place_of(address: str) -> Path:
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    return models_folder() / "addresses" / key / file_name_of(address)


def _open_address(address: str, *, fetch: bool) -> LocatedModel:
    shown = without_secrets(address)
    if not fetch and not _place_of(address).is_file():
        raise BadInputError(shown, "is not downloaded yet", "starbridge models fetch downloads it")
    path = fetch_address(address)
    return open_file(path, name_of_file(path), "address", shown)


def _open_published(model: PublishedModel, *, fetch: bool) -> LocatedModel:
    kept = find_shared(model.name) or find_cached(model)
    if kept is None and not fetch:
        raise BadInputError(
            model.name, "is not downloaded yet", f"starbridge models fetch {model.name}"
        )
    path = kept or fetch_published(model)
    if path.is_dir():
        return open_folder(path, model.name)
    if hash_file(path) == model.sha256:
        return open_file(path, model.name, "name", model.name, model.address)
    found = open_file(path, model.name, "file", str(path.resolve()))
    note = f"{path} is used; it is not the file of {model.name} that StarDist publishes"
    return replace(found, notes=(note, *found.notes))


def _open_path(path: Path, name: str) -> LocatedModel:
    if path.is_dir():
        return open_folder(path, name)
    if path.name in RDF_NAMES:
        return open_folder(path.parent, path.resolve().parent.name)
    return open_file(path, name_of_file(path), "file", str(path.resolve()))


def _suggestion(path: Path) -> str:
    try:
        more = [
            name_of_file(shared) if shared.is_file() else shared.name for shared in list_shared()
        ]
    except BadInputError:
        more = []
    meant = suggest_name(path.name, (DEMO, *more))
    return f"did you mean {meant}?" if meant else _GIVE
