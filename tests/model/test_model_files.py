"""Files that are no StarDist model are named, with what to do; zips of models are recognised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.model.model_files import Contents, recognize
from tests.model.zips import FILES, model_files, pack, write_zip

MODEL = dict.fromkeys(FILES, b"x")


def inside(folder: str, files: Mapping[str, bytes] = MODEL) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


@pytest.mark.parametrize(
    ("files", "kind", "root"),
    [
        (MODEL, "folder", ""),
        (inside("2D_demo"), "folder", "2D_demo/"),
        (inside("a/b"), "folder", "a/b/"),
        (MODEL | inside("older"), "folder", ""),
        (inside("m") | inside("__MACOSX/m") | {"m/.DS_Store": b"x"}, "folder", "m/"),
        ({"rdf.yaml": b"", "stardist_weights.h5": b""}, "package", ""),
        ({"p/bioimageio.yaml": b""}, "package", "p/"),
        (MODEL | {"bioimageio/rdf.yaml": b""}, "folder", ""),
        ({"rdf.yaml": b""} | inside("stardist"), "package", ""),
        ({"config.json": b"", "rdf.yaml": b""}, "package", ""),
        ({"saved_model.pb": b"", "variables/variables.index": b""}, "graph", ""),
        ({"model.onnx": b""}, "graph", ""),
    ],
    ids=[
        "StarDist's downloads", "in a folder", "in two folders", "with another in a folder",
        "made by Finder", "package", "package in a folder", "imported from a package",
        "package that holds a folder", "package of another program", "Fiji's model", "ONNX",
    ],
)  # fmt: skip
def test_a_zip_is_recognised(tmp_path: Path, files: dict[str, bytes], kind: str, root: str) -> None:
    contents = recognize(write_zip(tmp_path / "a.zip", files))

    assert (contents.kind, contents.root) == (kind, root)


def test_a_zip_needs_no_ending(tmp_path: Path) -> None:
    assert recognize(write_zip(tmp_path / "model", MODEL)).names == FILES


@pytest.mark.parametrize("name", ["a.pb", "a.onnx"])
def test_graphs_are_known_by_their_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x01graph")

    assert recognize(tmp_path / name) == Contents("graph")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", b"", "is empty; download or copy it again"),
        ("a.zip", b"nonsense", "is no zip; download or copy it again"),
        ("a.zip", pack(model_files())[:-3000], "is a zip that ends too early or is damaged"),
        ("a.zip", b"\n<!DOCTYPE html><html>", "is a web page, not a model; copy the address"),
        ("a.zip", b"version https://git-lfs.github.com/spec/v1\n", "get the file with: git lfs"),
        ("cyto3", b"\x80\x02}q\x00", "is a PyTorch model (as Cellpose has them)"),
        ("cpsam", pack({"cpsam/data.pkl": b"", "cpsam/version": b""}), "is a PyTorch model"),
        ("a.pth", b"anything", "is a PyTorch model"),
        ("a.zip", pack({"rdf/model.pt": b""}), "holds a PyTorch model"),
        (
            "a.keras",
            pack({"metadata.json": b"", "config.json": b"", "model.weights.h5": b""}),
            "is a network of Keras (.keras) without StarDist's settings",
        ),
        ("a.h5", b"\x89HDF\r\n", "holds weights without the configuration"),
        ("a.tar.gz", b"\x1f\x8b\x08", "is a .gz archive; unpack it, and give the folder"),
        ("a.7z", b"7z\xbc\xaf", "is a .7z archive"),
        ("RoiSet.zip", pack({"0001.roi": b"Iout"}), "holds outlines of ImageJ, not a model"),
        ("a.zip", pack({"config.json": b"{}"}), "has a config.json but no weights"),
        ("a.zip", pack({"photo.jpg": b""}), "holds no StarDist model (no config.json)"),
        ("a.zip", pack(inside("m1") | inside("m2")), "holds several models (m1, m2); unpack it"),
        ("a.zip", pack({"../config.json": b""}), "holds the path '../config.json', which leaves"),
        ("a.zip", pack({}), "holds no StarDist model"),
        ("a.zip", pack({"files/m.zip": b"PK"}), "holds another zip (files/m.zip); unpack it"),
        ("a.tif", b"II*\x00", "is a file, not a model folder or a zip of one; give the folder"),
    ],
    ids=[
        "empty", "nonsense", "cut", "web page", "git-lfs", "cellpose", "cellpose-sam", "pth",
        "torch in a zip", "keras", "weights", "gz", "7z", "rois", "no weights", "photo", "several",
        "leaves", "no files", "zip in a zip", "image",
    ],
)  # fmt: skip
def test_a_file_that_is_no_model_is_named_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadInputError) as caught:
        recognize(tmp_path / name)

    assert f"{name}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_file_of_a_model_folder_leads_to_the_folder(tmp_path: Path) -> None:
    for name, content in model_files().items():
        (tmp_path / name).write_bytes(content)

    for name in ("weights_best.h5", "config.json"):
        with pytest.raises(BadInputError, match=f"its folder, {tmp_path}"):
            recognize(tmp_path / name)
    with pytest.raises(BadInputError, match="cannot be read"):
        recognize(tmp_path)
