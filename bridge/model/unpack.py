"""StarDist model folders made of zips, bioimage.io packages and graphs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from bridge.errors import BadInputError
from bridge.files.archive import read_member, unpack_zip
from bridge.model.bioimageio import LARGEST_RDF, RDF_NAMES, Package, read_package
from bridge.model.config import complete_config, read_config, read_thresholds
from bridge.model.model_files import Contents, recognize
from bridge.model.provenance import Kind, Provenance, hash_file, read_provenance
from bridge.model.store import keep_unpacked
from bridge.model.weights import find_weights

_TAKEN = ("config.json", "thresholds.json", "recipe.json", "README.md", *RDF_NAMES)
_GRAPH_FORMATS = ("tensorflow_saved_model_bundle", "onnx")
_GIVE_FOLDER = "give the StarDist model folder that it was made from"


@dataclass(frozen=True)
class LocatedModel:
    """A model that is in a folder of this computer.

    Attributes:
        folder: the StarDist model folder; given again, it is opened as the same model.
        name: the model's name.
        provenance: the file that it was unpacked from; ``None`` for a folder of the user.
        notes: sentences for the user.
    """

    folder: Path
    name: str
    provenance: Provenance | None = None
    notes: tuple[str, ...] = ()


def open_file(path: Path, name: str, kind: Kind, given: str, address: str = "") -> LocatedModel:
    """Unpack a model file into the cache, once.

    Args:
        path: a zip of a StarDist model folder or of a bioimage.io package, or an exported model
            (:mod:`bridge.model.graphs.importing`).
        name: the model's name.
        kind: as in :class:`bridge.model.provenance.Provenance`.
        given: likewise.
        address: likewise.

    Raises:
        BadInputError: it is none, is damaged or does harm, or the cache cannot be written.
        MissingPartError: an exported model, and TensorFlow or StarDist is not installed.
    """
    contents = recognize(path)
    provenance = Provenance(kind, given, hash_file(path), address)
    if contents.kind == "graph":
        return _import_graph(path, name, provenance)
    if contents.kind == "package":
        return _open_package_zip(path, contents, name, provenance)
    names = [n for n in contents.names if n in _TAKEN or _is_weights(n)]
    members = {contents.root + n: n for n in names}
    return _keep(name, provenance, path, lambda part: unpack_zip(path, part, members))


def open_folder(folder: Path, name: str) -> LocatedModel:
    """Take a StarDist model folder as it is, and make one of an unpacked bioimage.io package.

    Args:
        folder: the folder.
        name: the model's name.

    Raises:
        BadInputError: a damaged package, one without Keras weights, a folder with a graph only, or
            the cache cannot be written.
    """
    if (folder / "config.json").exists():
        return LocatedModel(folder, name, read_provenance(folder))
    rdf = next((folder / n for n in RDF_NAMES if (folder / n).is_file()), None)
    if rdf is not None:
        return _open_package_folder(folder, rdf, name)
    try:
        graph = next((p for p in sorted(folder.iterdir()) if p.suffix in (".pb", ".onnx")), None)
    except OSError as error:
        raise BadInputError(
            folder, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if graph is not None:
        remedy = "zip the folder's content" if graph.name == "saved_model.pb" else f"give {graph}"
        raise BadInputError(folder, f"holds {graph.name} and no config.json", remedy)
    return LocatedModel(folder, name)  # the reader of config.json says what it lacks


def _keep(
    name: str, provenance: Provenance, source: Path, fill: Callable[[Path], None]
) -> LocatedModel:
    """Keep an unpacked model that was found to be one; errors name the user's file."""

    def fill_and_check(part: Path) -> None:
        fill(part)
        try:
            read_config(part)
            read_thresholds(part)
            weights, _ = find_weights(part)
        except BadInputError as error:
            if error.source == str(part):
                raise BadInputError(source, error.problem, error.remedy) from error
            problem = f"holds a {Path(error.source).name} that {error.problem}"
            raise BadInputError(source, problem, error.remedy) from error
        with weights.open("rb") as stream:
            if not stream.read(4).startswith(b"\x89HDF"):
                raise BadInputError(
                    source,
                    f"holds a {weights.name} that is not an HDF5 file, or a damaged one",
                    "copy the weights again",
                )

    folder, damaged = keep_unpacked(name, provenance, fill_and_check)
    notes = (f"{folder}: was damaged, and is unpacked again",) if damaged else ()
    return LocatedModel(folder, name, provenance, notes)


def _is_weights(name: str) -> bool:
    return "/" not in name and PurePosixPath(name).suffix.lower() in (".h5", ".hdf5")


def _open_package_zip(
    path: Path, contents: Contents, name: str, provenance: Provenance
) -> LocatedModel:
    rdf_name = next(n for n in RDF_NAMES if n in contents.names)
    rdf = read_member(path, contents.root + rdf_name, LARGEST_RDF)
    package = read_package(rdf, path, contents.names)
    weights = package.weights
    if weights is None:
        return _import_package(path, package, name, provenance)

    def put_weights(target: Path) -> None:
        unpack_zip(path, target.parent, {contents.root + weights: target.name})

    return _keep_package(package, rdf, path, name, provenance, put_weights)


def _open_package_folder(folder: Path, path: Path, name: str) -> LocatedModel:
    try:
        if path.stat().st_size > LARGEST_RDF:
            raise BadInputError(path, "is far larger than a description", "download it again")
        rdf = path.read_bytes()
        names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
        package = read_package(rdf, path, names)
        if package.weights is None:
            raise _without_weights(folder, package)
        weights = folder / package.weights
        digest = hashlib.sha256(rdf + hash_file(weights).encode()).hexdigest()
    except OSError as error:
        raise BadInputError(
            folder, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    provenance = Provenance("file", str(folder.resolve()), digest)

    def put_weights(target: Path) -> None:
        shutil.copyfile(weights, target)

    return _keep_package(package, rdf, folder, name, provenance, put_weights)


def _keep_package(
    package: Package,
    rdf: bytes,
    source: Path,
    name: str,
    provenance: Provenance,
    put_weights: Callable[[Path], None],
) -> LocatedModel:
    if not package.config:
        raise _no_stardist(source)
    complete_config(package.config, source)

    def fill(part: Path) -> None:
        (part / "config.json").write_text(json.dumps(package.config), encoding="utf-8")
        (part / RDF_NAMES[0]).write_bytes(rdf)
        put_weights(part / "weights_best.h5")

    return _keep(name, provenance, source, fill)


def _import_package(
    path: Path, package: Package, name: str, provenance: Provenance
) -> LocatedModel:
    if any(key in package.formats for key in _GRAPH_FORMATS):
        return _import_graph(path, name, provenance)
    raise _without_weights(path, package)


def _without_weights(source: Path, package: Package) -> BadInputError:
    if any(key in package.formats for key in _GRAPH_FORMATS):
        return BadInputError(
            source,
            "is an unpacked bioimage.io package without Keras weights",
            "zip the folder's content, and give the zip",
        )
    if not package.config:
        return _no_stardist(source)
    formats = ", ".join(package.formats) or "no format at all"
    return BadInputError(
        source, f"is a bioimage.io package without Keras weights (it has {formats})", _GIVE_FOLDER
    )


def _no_stardist(source: Path) -> BadInputError:
    return BadInputError(
        source,
        "is a bioimage.io package of another program than StarDist (config: stardist is missing)",
        "segment with the program that it is for, and bring its label images with starbridge "
        "convert",
    )


def _import_graph(path: Path, name: str, provenance: Provenance) -> LocatedModel:
    """Make a model folder of a TensorFlow graph or an ONNX model, with its weights bit for bit."""
    # Importing opens the folders that it makes, and so knows this module.
    from bridge.model.graphs.importing import read_exported_model, write_model_folder

    def fill(part: Path) -> None:
        write_model_folder(read_exported_model(path), part)

    located = _keep(name, provenance, path, fill)
    if (located.folder / "thresholds.json").is_file():
        return located
    note = (
        f"{path}: holds no thresholds, so StarDist's defaults are used; ask the model's author, or "
        "make a folder with your own by starbridge import"
    )
    return replace(located, notes=(*located.notes, note))
