"""Install starbridge's macros into Fiji's menus, and exported models beside them."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.apps.fiji.finding import OLDEST_IMAGEJ, FijiApp
from bridge.apps.fiji.script_parameters import parameters
from bridge.apps.installing import (
    Installed,
    explain_denied_access,
    file_hash,
    put_files,
    read_sources,
)
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.packaged import own_folder
from bridge.model.export_settings import RECORD_ENDING, read_export_settings
from bridge.model.fiji_macro import MACRO, MacroModel, read_macro, render_macro
from bridge.model.folder import file_name_of
from bridge.model.macro_settings import lines_of_names, macro_settings, with_defaults

MENU = "Plugins › StarBridge"
"""Menu of the installed macros."""

_COMMAND = "command_path"
"""Setting of the macros that run the command starbridge."""

_EXPORTED = re.compile(r"(?P<name>.+)\.(?P<target>tf1\.1[25])\.zip")
"""Names of exported zips."""


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
    ``plugins/StarBridge``. Running it again updates them, except macros that the user edited. A
    model has a macro of its own with its settings, under its name (``stardist NAME`` where that
    has no underscore, without which ImageJ's ``run()`` finds no script), for as long as its zip is
    there.

    Args:
        app: the Fiji.
        models: zips of ``starbridge export`` (``NAME.tf1.15.zip``). They are put into
            ``starbridge/models`` of the app's folder, with the export's record. Of two zips of a
            model in one folder, for TensorFlow 1.12 and 1.15, the one for this app is taken.
        macros: folder of other macros than starbridge's own.
        overwrite: replace edited macros too, which are kept as ``NAME (edited).ijm``.

    Raises:
        BadInputError: the app's folder may not be written to, a model is no SavedModel zip, or
            there are no macros.
    """
    source = macros_folder() if macros is None else Path(macros)
    sources = read_sources(source, ".ijm", "macro")
    notes: list[str] = []
    zips = list(dict.fromkeys(_fitting(_checked_model(Path(m)), app, notes) for m in models))
    inside = "scripts/Plugins/StarBridge" if app.knows_script_parameters else "plugins/StarBridge"
    if app.imagej_is_old:
        notes.append(
            f"the macros need ImageJ {OLDEST_IMAGEJ} or later, and this has {app.imagej_version}: "
            "Help › Update… brings a newer one"
        )
    contents = dict(_contents(source, sources, app, notes))
    contents |= _model_macros(zips, app, contents.keys(), notes)
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
        if app.knows_script_parameters or lines_of_names(text):
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


def _fitting(path: Path, app: FijiApp, notes: list[str]) -> Path:
    """Return the zip beside a model's zip that is for the app's TensorFlow, or the zip itself."""
    match = _EXPORTED.fullmatch(path.name)
    if match is None or app.fitting_export in (None, match["target"]):
        return path
    other = path.with_name(f"{match['name']}.{app.fitting_export}.zip")
    if not other.exists():
        return path
    notes.append(
        f"{other.name} is taken, not {path.name}: it is for TensorFlow {app.tensorflow_version}, "
        f"which this {app.kind} has"
    )
    return _checked_model(other)


def _model_macros(
    zips: Iterable[Path], app: FijiApp, taken: Collection[str], notes: list[str]
) -> dict[str, bytes]:
    """Return the macros of models by file name, for new zips and those that are installed."""
    models: dict[str, Path] = {}
    folder = _models_folder(app)
    for path in sorted(folder.glob("*.zip"), key=lambda p: _fits(p, app)):
        models[_model_name(path)] = path
    for path in zips:
        models[_model_name(path)] = path
    macros: dict[str, bytes] = {}
    for name, path in sorted(models.items()):
        try:
            model = MacroModel.from_export(
                _macro_name(name, taken), read_export_settings(path), path
            )
            text = render_macro(read_macro(), model, str(folder / path.name))
        except BadInputError as error:
            if path in zips:
                notes.append(
                    f"{path.name}: no macro of its own in the menu, because it {error.problem}; "
                    "give stardist haug2 this zip and the model's settings"
                )
            continue
        macros[f"{model.name}.ijm"] = text.encode()
    return macros


def _macro_name(model: str, taken: Collection[str]) -> str:
    # run("NAME") finds no script without an underscore in its name
    name = model if "_" in model else f"stardist_{model}"
    # another macro's name is not for a model, but that of stardist_haug2 is the model's
    return f"{name}_model" if f"{name}.ijm" in taken and f"{name}.ijm" != MACRO else name


def _fits(path: Path, app: FijiApp) -> tuple[bool, str]:
    """Return a sort key of zips; the last one fits the app best."""
    match = _EXPORTED.fullmatch(path.name)
    return match is not None and match["target"] == app.fitting_export, path.name


def _model_name(path: Path) -> str:
    match = _EXPORTED.fullmatch(path.name)
    return file_name_of(match["name"] if match else path.stem)


def _models_folder(app: FijiApp) -> Path:
    # Not the app's folder "models": StarDist's plugin unpacks models there.
    return app.path / "starbridge" / "models"


def _put_model(path: Path, app: FijiApp) -> Path:
    folder = _models_folder(app)
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
    for record in sorted(path.parent.glob(f"*{RECORD_ENDING}")):
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
