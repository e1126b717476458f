"""Honest files of every kind, small and with everything that their formats keep."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import shapely
import tifffile
import zarr

from bridge import Detections
from bridge.classify.forest import DecisionForest
from bridge.classify.objects.classifier import ObjectClassifier
from bridge.classify.objects.training import train_object_classifier
from bridge.classify.pixels.classifier import PixelClassifier
from bridge.classify.pixels.filters import FilterBank
from bridge.classify.pixels.intensities import Intensities
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.input_images import InputImage
from bridge.formats.ilastik.writing import write_object_project
from bridge.model.folder import demo_model_folder
from tests.aggregate.ilastik import ilastik_table
from tests.classify.objects.examples import easy_examples
from tests.classify.objects.networks import classifier_of, random_model
from tests.classify.objects.shaped import shaped_objects
from tests.formats.ilastik.projects import write_project
from tests.formats.ilastik.vigra_trees import stump
from tests.formats.ilastik.vigra_trees import write_project as write_forest
from tests.fuzzing.mutations import Random
from tests.images.microscopes.files import stack, write_czi, write_lif, write_nd2
from tests.objects import reviewed

Writer = Callable[[Path, Random], Path]
"""Writes a file, or a folder, into a folder; returns its path."""


def objects_file(ending: str) -> Writer:
    """Return what writes a file of a few objects."""

    def write(folder: Path, _: Random) -> Path:
        path = folder / f"a{ending}"
        path.write_bytes(objects_bytes(ending))
        return path

    return write


@cache
def objects_bytes(ending: str) -> bytes:
    """Return a file of a few objects."""
    if ending.endswith(".gz"):
        return gzip.compress(objects_bytes(ending.removesuffix(".gz")), 1)
    objects = reviewed()
    objects.objects = objects.objects.iloc[[0, 1, 2, 3, 5]]
    if ending == ".h5":
        objects = Detections.from_labels(_labels(), axes="TZYX")
    elif ending == ".roi":
        objects = Detections.from_polygons([shapely.box(1, 2, 9, 9)], columns={"class": ["A"]})
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        objects.write(path)
        return path.read_bytes()


@cache
def _labels() -> Any:
    labels = np.zeros((2, 3, 30, 40), np.uint16)
    labels[:, :, 3:9, 5:20], labels[1, 2, 12:20, 5:20] = 1, 2
    return labels


def tiff(folder: Path, random: Random) -> Path:
    """Write a TIFF of ImageJ, of OME, in tiles or in strips."""
    path = folder / "a.tif"
    path.write_bytes(_tiffs()[int(random.integers(len(_tiffs())))])
    return path


@cache
def _tiffs() -> tuple[bytes, ...]:
    files = []
    for options in (
        {"imagej": True, "metadata": {"axes": "TZYX", "unit": "um"}, "resolution": (2, 2)},
        {"ome": True, "metadata": {"axes": "TZYX", "PhysicalSizeX": 0.5}},
        {"compression": "zlib", "tile": (16, 16), "bigtiff": True},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
    ):
        stream = io.BytesIO()
        settings: dict[str, Any] = {"metadata": {"axes": "TZYX"}, **options}
        tifffile.imwrite(stream, _labels(), photometric="minisblack", **settings)
        files.append(stream.getvalue())
    return tuple(files)


def zarr_folder(folder: Path, random: Random) -> Path:
    """Write an OME-Zarr image in Zarr 2 or 3."""
    path = folder / "a.zarr"
    version: Any = int(random.integers(2, 4))
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array("0", shape=(2, 30, 40), dtype="u2", chunks=(1, 16, 16))
    array[...] = _labels()[0, :2]
    axes = [{"name": n, "type": "channel" if n == "c" else "space"} for n in "cyx"]
    steps = [{"type": "scale", "scale": [1.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    multiscales = [{"axes": axes, "datasets": datasets, "version": "0.4"}]
    metadata: dict[str, Any] = {"multiscales": multiscales, "omero": {"channels": [{"label": "a"}]}}
    group.attrs.update(metadata if version == 2 else {"ome": {**metadata, "version": "0.5"}})
    return path


def microscope_file(ending: str) -> Writer:
    """Return what writes an image of two channels and two slices in a microscope's own format."""

    def write(folder: Path, random: Random) -> Path:
        path = folder / f"a{ending}"
        is_packed = ending == ".nd2" and bool(random.integers(2))
        path.write_bytes(_microscope_bytes(ending, is_packed))
        return path

    return write


@cache
def _microscope_bytes(ending: str, is_packed: bool) -> bytes:
    values = stack(2, 2, 30, 40)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        if ending == ".czi":
            write_czi(path, [values], tile=16)
        elif ending == ".lif":
            write_lif(path, {"a": values})
        else:
            write_nd2(path, values[None], pack=zlib.compress if is_packed else None)
        return path.read_bytes()


def hdf5_table(folder: Path, _: Random) -> Path:
    """Write a table of ilastik in HDF5."""
    path = folder / "Pa_s1_table.h5"
    with h5py.File(path, "w") as file:
        file["table"] = ilastik_records()
    return path


def ilastik_records() -> Any:
    """Return the rows of a table of ilastik as NumPy keeps them."""
    rows = ilastik_table({"A": 5, "B": 4}, seed=1).to_records(index=False)
    texts = {"User Label": "S4", "Predicted Class": "S4"}
    return rows.astype([(n, texts.get(n, rows.dtype[n])) for n in rows.dtype.names or ()])


def ilastik_project(folder: Path, random: Random) -> Path:
    """Write a project of ilastik with strokes, or one of objects."""
    path = folder / "p.ilp"
    path.write_bytes(_ilastik_project(bool(random.integers(2))))
    return path


@cache
def _ilastik_project(is_of_objects: bool) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.ilp"
        if is_of_objects:
            image: dict[str, Any] = {
                "dataset": "",
                "axes": "YX",
                "shape": (30, 40),
                "nickname": "a",
            }
            both = [InputImage(file=Path(folder, name), **image) for name in ("a.tif", "b.tif")]
            write_object_project(path, both[:1], both[1:], ["A", "B"], [[{1: 2, 2: 1}]])
        else:
            block = np.ones((2, 5, 6, 1), np.uint8)
            lanes = [("a.tif", "czyx", (2, 9, 30, 40)), ("b.h5/data", "yx", (30, 40))]
            strokes = {0: [("[1:3,2:7,3:9,0:1]", block, "zyxc")]}
            write_project(path, lanes=lanes, blocks=strokes)
            with h5py.File(path, "a") as file:
                file["PixelClassification/Bookmarks/0000"] = np.void(b"(lp0\n.")
        return path.read_bytes()


def csv_table(folder: Path, random: Random) -> Path:
    """Write a table of ilastik in CSV, in which class names may have commas without quotes."""
    path = folder / "Pa_s1_table.csv"
    classes = {"A": 5, str(random.choice(["B", "B-c"])): 4}
    path.write_bytes(ilastik_table(classes, seed=1).to_csv(index=False).encode())
    return path


def model(folder: Path, _: Random) -> Path:
    """Write the built-in model."""
    path = folder / "model"
    path.mkdir()
    for name, content in _model_files().items():
        (path / name).write_bytes(content)
    return path


@cache
def _model_files() -> dict[str, bytes]:
    folder = demo_model_folder()
    names = ("config.json", "thresholds.json", "recipe.json", "weights_best.h5")
    return {name: (folder / name).read_bytes() for name in names}


def ilastik_forest(folder: Path, random: Random) -> Path:
    """Write a project of ilastik with nothing but trees."""
    trees = [stump(float(random.normal()), column=n % 3, features=3) for n in range(4)]
    return write_forest(folder / "forest.ilp", [trees[:2], trees[2:]])


def object_classifier(folder: Path, random: Random) -> Path:
    """Write a classifier of objects as starbridge keeps it, of any of its models."""
    trained = _object_classifiers()
    trained[int(random.integers(len(trained)))].write(folder / "classes")
    return folder / "classes"


@cache
def _object_classifiers() -> tuple[ObjectClassifier, ...]:
    on_features = [
        train_object_classifier(easy_examples(), kinds=[kind]).classifier
        for kind in ("logistic", "svc", "trees")
    ]
    image, _, _ = shaped_objects()
    return (*on_features, classifier_of(random_model(), image))


def pixel_classifier(folder: Path, random: Random) -> Path:
    """Write a pixel classifier as starbridge keeps it."""
    del random
    selection = FeatureSelection((1.0, 1.6), ((True, True),) * 6, (False, False))
    n_features = len(FilterBank(selection, 1, is_3d=False).names)
    forest = DecisionForest(
        n_features,
        np.arange(3, dtype=np.int32),
        np.linspace(0, 1, 3).astype(np.float32),
        np.array([[1, 2], [~0, ~1], [~2, ~3]], np.int32),
        np.array([[1, 0], [0.5, 0.5], [0.2, 0.8], [0, 1]]),
        np.ones(4),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
    )
    classifier = PixelClassifier(
        selection=selection,
        class_names=("background", "nucleus"),
        colors=((255, 0, 0), (0, 255, 0)),
        labels=(1, 2),
        n_channels=1,
        channel_names=("DAPI",),
        is_3d=False,
        forest=forest,
        intensities=Intensities("uint16", ((0.0, 900.0),)),
        error=0.1,
    )
    classifier.write(folder / "classifier")
    return folder / "classifier"
