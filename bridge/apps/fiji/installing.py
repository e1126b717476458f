"""Install starbridge's macros into Fiji's menus, and exported models beside them."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.apps.fiji.finding import OLDEST_IMAGEJ, FijiApp
from bridge.apps.fiji.script_parameters import parameters
from bridge.apps.installing import (
    Installed,
    explain_denied_access,
    file_hash,
    own_folder,
    put_files,
    read_sources,
)
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.model.macro_settings import ORIGIN, lines_of_names, macro_settings, with_defaults

MENU = "Plugins › StarBridge"
"""Menu of the installed macros."""

_COMMAND = "command_path"
"""Setting of the macros that run the command starbridge."""

_EXPORT_RECORDS = "*.export.json"


def macros_folder() -> Path:
    """Return the folder of starbridge's own macros.

    Raises:
        BadInputError: there is none.
    """
    return own_folder("macros", ".ijm", "macro")


def install(
    app: FijiApp,
    *,
    models: Iterable[str | PathLike[str]] = (),
    macros: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> Installed:
    """Install macros into an app's menu Plugins › StarBridge, and models beside them.

    Fiji and ImageJ2 have them in ``scripts/Plugins/StarBridge``, plain ImageJ in
    ``plugins/StarBridge``. Running it again updates them, except macros that the user edited.

    Args:
        app: the Fiji.
        models: zips of ``starbridge export`` (``NAME.tf1.15.zip``). They are put into
            ``starbridge/models`` of the app's folder, with the record that holds their recipe.
        macros: folder of other macros than starbridge's own.
        overwrite: replace edited macros too, which are kept as ``NAME (edited).ijm``.

    Raises:
        BadInputError: the app's folder may not be written to, a model is no SavedModel zip, or
            there are no macros.
    """
    source = macros_folder() if macros is None else Path(macros)
    sources = read_sources(source, ".ijm", "macro")
    zips = [_checked_model(Path(model)) for model in models]
    notes: list[str] = []
    inside = "scripts/Plugins/StarBridge" if app.knows_script_parameters else "plugins/StarBridge"
    if app.imagej_is_old:
        notes.append(
            f"the macros need ImageJ {OLDEST_IMAGEJ} or later, and this has {app.imagej_version}: "
            "Help › Update… brings a newer one"
        )
    contents = dict(_contents(source, sources, app, notes))
    with explain_denied_access(
        app.path,
        f"you may not write into this {app.kind}",
        "ask who installed it, or unpack a Fiji into a folder of your own and give that",
    ):
        done = put_files(app.path / inside, contents, overwrite=overwrite)
        copied = tuple(_put_model(zipped, app) for zipped in zips)
    notes += [note for zipped in zips if (note := _misfit(zipped, app))]
    return Installed(
        folder=app.path / inside,
        noun="macro",
        hint=f"; restart {app.kind} to see {MENU}",
        models=copied,
        notes=tuple(notes),
        **done,
    )


def _with_command(text: str) -> str:
    """Fill in the path of this installation's command, where a macro calls it.

    Fiji is seldom started in the environment in which starbridge was installed.
    """
    if not any(setting.name == _COMMAND for setting in macro_settings(text)):
        return text
    beside = Path(sys.executable).parent
    command = shutil.which("starbridge", path=str(beside)) or shutil.which("starbridge")
    return text if command is None else with_defaults(text, {_COMMAND: Path(command).as_posix()})


def _contents(
    folder: Path, sources: Mapping[str, bytes], app: FijiApp, notes: list[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield each macro as the app reads it; macros that it cannot run are noted."""
    for name, source in sources.items():
        try:
            text = _with_command(source.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise BadInputError(
                folder / name, f"cannot be read ({error})", "install starbridge again"
            ) from error
        if app.knows_script_parameters or ORIGIN in lines_of_names(text):
            yield name, text.encode()
            continue
        if parameters(text, source=folder / name):
            notes.append(f"{name} is left out, because its #@ lines need Fiji")
            continue
        yield name, text.encode()


def _checked_model(path: Path) -> Path:
    remedy = "give a zip that starbridge export wrote (NAME.tf1.15.zip)"
    if not path.is_file():
        problem = "is a folder, no exported model" if path.is_dir() else "does not exist"
        raise BadInputError(path, problem, remedy)
    try:
        with zipfile.ZipFile(path) as archive:
            if "saved_model.pb" in archive.namelist():
                return path.absolute()
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInputError(path, "is no zip, or a damaged one", remedy) from error
    raise BadInputError(path, "holds no saved_model.pb, so Fiji cannot load it", remedy)


def _put_model(path: Path, app: FijiApp) -> Path:
    # Not into the app's folder "models": StarDist's plugin unpacks models there.
    folder = app.path / "starbridge" / "models"
    for file in (path, *_records_of(path)):
        target = folder / file.name
        if file_hash(file) == file_hash(target):
            continue
        with writing(target) as part:
            shutil.copyfile(file, part)
    return folder / path.name


def _records_of(path: Path) -> list[Path]:
    """Return the records of the export that made a zip; they hold its recipe."""
    found = []
    for record in sorted(path.parent.glob(_EXPORT_RECORDS)):
        try:
            files: list[dict[str, Any]] = json.loads(record.read_bytes())["files"]
            if any(file["name"] == path.name for file in files):
                found.append(record)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def _misfit(path: Path, app: FijiApp) -> str:
    if app.fitting_export is None:
        what = "; ".join(str(m) for m in app.missing if "TensorFlow" in m.part) or "no TensorFlow"
        return f"{path.name}: this {app.kind} cannot load it yet ({what})"
    if app.fitting_export == "tf1.12" and ".tf1.15." in path.name:
        return (
            f"{path.name}: this Fiji has TensorFlow {app.tensorflow_version}, which may not load "
            f"it; take {path.name.replace('.tf1.15.', '.tf1.12.')}"
        )
    return ""
