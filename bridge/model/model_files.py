"""Recognition of model files by their content, those of other programs too."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from bridge.errors import BadInputError
from bridge.files.archive import list_zip
from bridge.model.bioimageio import RDF_NAMES

_GIVE = "give the folder of a StarDist model, or a zip of it"
_OTHER_NETWORK = (
    "segment with the program that it is for, and bring its label images with starbridge convert"
)
_DEEPEST = 4  # folders in a zip; a zip of a whole disk is no model
_GRAPHS = (".pb", ".onnx")
_WEIGHTS = (".h5", ".hdf5")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with files, and without any
_PACKED = {
    b"\x1f\x8b": "a .gz archive",
    b"7z\xbc\xaf": "a .7z archive",
    b"Rar!": "a .rar archive",
    b"BZh": "a .bz2 archive",
    b"\xfd7zX": "a .xz archive",
}

Kind = Literal["folder", "package", "graph"]


@dataclass(frozen=True)
class Contents:
    """Contents of a model file.

    Attributes:
        kind: ``folder`` (a StarDist model folder), ``package`` (bioimage.io) or ``graph`` (a
            TensorFlow graph or an ONNX model).
        root: folder in the zip, with a slash at its end; ``""`` for the top.
        names: names of the files in the zip below ``root``; empty for a file that is no zip.
    """

    kind: Kind
    root: str = ""
    names: tuple[str, ...] = ()


def recognize(path: Path) -> Contents:
    """Tell what a model file holds.

    Raises:
        BadInputError: it is none that can be read; the error names the program that it is for.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    ending = path.suffix.lower()
    if not head:
        raise BadInputError(path, "is empty", "download or copy it again")
    if head.startswith(_ZIP):
        return _recognize_zip(path)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise BadInputError(
            path, "is a web page, not a model", "copy the address of the download itself"
        )
    if text.startswith(b"version https://git-lfs"):
        raise BadInputError(
            path, "is the place holder of a large file in git", "get the file with: git lfs pull"
        )
    if head.startswith(b"\x89HDF"):
        raise BadInputError(
            path,
            "holds weights without the configuration of the network",
            f"give its folder, {path.parent}"
            if (path.parent / "config.json").is_file()
            else "give the folder that has its config.json",
        )
    for magic, what in _PACKED.items():
        if head.startswith(magic):
            raise BadInputError(path, f"is {what}", "unpack it, and give the folder")
    if ending in (".pth", ".pt", ".ckpt", ".safetensors") or head.startswith(b"\x80\x02"):
        raise BadInputError(
            path, "is a PyTorch model (as Cellpose has them), not a StarDist model", _OTHER_NETWORK
        )
    if ending in _GRAPHS:
        return Contents("graph")
    if zipfile.is_zipfile(path):  # one behind something else, as programs that unpack themselves
        return _recognize_zip(path)
    if ending == ".zip":
        raise BadInputError(path, "is no zip", "download or copy it again")
    raise BadInputError(path, "is a file, not a model folder or a zip of one", _remedy(path))


def _remedy(path: Path) -> str:
    beside = (path.parent / "config.json").is_file()
    return f"did you mean its folder, {path.parent}?" if beside else _GIVE


def _recognize_zip(path: Path) -> Contents:
    names = list_zip(path)
    _refuse_other_programs(path, names)
    folders = [
        root
        for root in _roots(names, ("config.json",))
        if any(name.startswith(root) and _is_beside(name, root, _WEIGHTS) for name in names)
    ]
    packages = _roots(names, RDF_NAMES)
    if folders and (not packages or _depth(folders[0]) <= _depth(packages[0])):
        return _only("folder", folders, path, names)
    if packages:
        return _only("package", packages, path, names)
    if any(PurePosixPath(name).suffix.lower() in _GRAPHS for name in names):
        return Contents("graph", "", tuple(names))
    configured = _roots(names, ("config.json",))
    if configured:
        raise BadInputError(
            path, "has a config.json but no weights (weights_best.h5)", "pack them into the zip too"
        )
    inner = next((name for name in names if name.lower().endswith(".zip")), None)
    if inner is not None:
        raise BadInputError(path, f"holds another zip ({inner})", "unpack it, and give that one")
    raise BadInputError(path, "holds no StarDist model (no config.json)", _GIVE)


def _roots(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the folders that hold a file of these names, the outermost first."""
    found = {
        name[: -len(file)]
        for name in names
        for file in wanted
        if name == file or name.endswith(f"/{file}")
    }
    return sorted(
        (root for root in found if _depth(root) <= _DEEPEST), key=lambda r: (_depth(r), r)
    )


def _depth(root: str) -> int:
    return root.count("/")


def _is_beside(name: str, root: str, endings: tuple[str, ...]) -> bool:
    return "/" not in name[len(root) :] and name.lower().endswith(endings)


def _only(kind: Kind, roots: Sequence[str], path: Path, names: Sequence[str]) -> Contents:
    outermost = [root for root in roots if _depth(root) == _depth(roots[0])]
    if len(outermost) > 1:
        listed = ", ".join(root.rstrip("/") for root in outermost[:5])
        raise BadInputError(
            path, f"holds several models ({listed})", "unpack it, and give the folder of one"
        )
    root = outermost[0]
    inside = tuple(name[len(root) :] for name in names if name.startswith(root))
    return Contents(kind, root, inside)


def _refuse_other_programs(path: Path, names: Sequence[str]) -> None:
    last = {PurePosixPath(name).name for name in names}
    if "data.pkl" in last and ("version" in last or "byteorder" in last):
        raise BadInputError(
            path, "is a PyTorch model (as Cellpose has them), not a StarDist model", _OTHER_NETWORK
        )
    if {"metadata.json", "config.json", "model.weights.h5"} <= set(names):
        raise BadInputError(
            path,
            "is a network of Keras (.keras) without StarDist's settings",
            "give the folder that StarDist wrote when it was trained",
        )
    if names and all(name.lower().endswith(".roi") for name in names):
        raise BadInputError(path, "holds outlines of ImageJ, not a model", _GIVE)
    weights = any(name.lower().endswith((*_WEIGHTS, *_GRAPHS)) for name in names)
    if not weights and any(name.lower().endswith((".pth", ".pt")) for name in names):
        raise BadInputError(path, "holds a PyTorch model, not a StarDist model", _OTHER_NETWORK)
