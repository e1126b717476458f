"""The kinds of files that are damaged: how an honest one is made, damaged and read."""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bridge import Detections, open_image
from bridge.aggregate import count_table
from bridge.classify.forest import DecisionForest
from bridge.classify.objects.classifier import load_object_classifier
from bridge.classify.pixels.classifier import load_classifier
from bridge.formats.ilastik.forest import read_forest
from bridge.formats.ilastik.pickles import refuse_unknown_pickles
from bridge.formats.ilastik.project import read_label_sets, read_project
from bridge.model.folder import open_model
from bridge.segment.engines.unet import read_unet
from tests.classify.objects.networks import random_crops
from tests.fuzzing import honest
from tests.fuzzing.claims import (
    claim_czi,
    claim_hdf5,
    claim_lif,
    claim_nd2,
    claim_tiff,
    claim_zarr,
)
from tests.fuzzing.mutations import (
    Mutation,
    Random,
    any_of,
    change_cells,
    change_json,
    change_zip,
    damage,
)

FLOOR = 2 * 2**20
"""Bytes that reading any file may take beyond: blocks in which text and zips are read, a damaged
cell of 70,000 letters in several encodings, and what libraries keep for themselves."""

SPARSE = 16 * 2**20
"""Bytes of a plane of which nothing is stored, and which is read: an empty label image of 2048 ×
2048 pixels, whose chunks Zarr and HDF5 leave out."""

TRACED = 5 * SPARSE
"""Bytes for finding the objects of such a plane: most where it is a single row of pixels."""

OUTLINE = 80 * 2**20
"""Bytes for an outline of a few corners that is as large as ImageJ's largest image: a fitted spline
of 65,536 points takes a kilobyte a point where it crosses itself; others stay below 6 MB."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        write: writes an honest file, or folder, into a folder; returns its path.
        damage: damages it.
        read: reads it.
        floor: bytes that reading a damaged one may take beyond twice those of the honest one.
    """

    write: honest.Writer
    damage: Callable[[Path, Random], None]
    read: Callable[[Path], object]
    floor: int = FLOOR


# ---- damaging -----------------------------------------------------------------------------------


def _bytes(*ways: Mutation) -> Callable[[Path, Random], None]:
    def change(path: Path, random: Random) -> None:
        path.write_bytes(any_of(*ways)(path.read_bytes(), random))

    return change


def _packed_geojson(path: Path, random: Random) -> None:
    if random.random() < 0.05:
        path.write_bytes(_bomb())
    elif random.random() < 0.5:
        text = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(change_json(text, random), 1))
    else:
        path.write_bytes(damage(path.read_bytes(), random))


@cache
def _bomb() -> bytes:
    """A list of so many empty lists that they would take gigabytes."""
    return gzip.compress(b"[" + b"[]," * (30 * 2**20) + b"0]", 1)


def _parquet(path: Path, random: Random) -> None:
    if random.random() < 0.5:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    table = pq.read_table(io.BytesIO(path.read_bytes()))
    name = str(random.choice(table.column_names))
    place = table.column_names.index(name)
    n = len(table)
    match int(random.integers(7)):
        case 0:
            table = table.remove_column(place)
        case 1:
            values = [None, "x", "nan"][int(random.integers(3))]
            table = table.set_column(place, name, pa.array([values] * n, pa.string()))
        case 2:
            number = float(random.choice([np.nan, np.inf, 1e300, -1, 0.5]))
            table = table.set_column(place, name, pa.array([number] * n))
        case 3 if pa.types.is_binary(table.schema.field(place).type):
            shapes = [damage(value or b"", random) for value in table[name].to_pylist()]
            table = table.set_column(place, name, pa.array(shapes, pa.binary()))
        case 4:
            table = table.rename_columns([*table.column_names[:-1], name])
        case _:
            metadata = dict(table.schema.metadata)
            key = list(metadata)[int(random.integers(len(metadata)))]
            try:
                metadata[key] = change_json(metadata[key], random)
            except ValueError:
                metadata[key] = damage(metadata[key], random)
            table = table.replace_schema_metadata(metadata)
    pq.write_table(table, path, compression="zstd")


def _hdf5(path: Path, random: Random) -> None:
    """Damage a label image of starbridge, or what it claims."""
    way = int(random.integers(16))
    if way < 6:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    if way > 13:
        claim_hdf5(path, random)
        return
    path.with_name("outside.raw").write_bytes(bytes(100))
    with h5py.File(path, "a") as file:
        objects = file["objects"]
        name = str(random.choice(list(objects)))
        if way < 9:
            del file["labels"]
        match way:
            case 6:
                huge = (2**34, 2**20)
                file.create_dataset("labels", huge, "u2", chunks=(2**10, 2**10))
            case 7:
                file["labels"] = h5py.ExternalLink("outside.h5", "labels")
            case 8:
                file["labels"] = h5py.SoftLink("/labels")
            case 9:
                del objects[name]
                kind = str(random.choice(["f8", "S5", "u1"]))
                objects.create_dataset(name, (2**34,), kind, chunks=(2**16,))
            case 10:
                del objects[name]
                objects[name] = h5py.ExternalLink("outside.h5", "labels")
            case 11:
                del objects[name]
                size = int(random.integers(0, 9))
                objects[name] = [b"\xff", "x", np.nan][int(random.integers(3))] if size else 1
            case 12:
                for key in ("axistags", "image"):
                    text = change_json(file["labels"].attrs[key].encode(), random)
                    file["labels"].attrs[key] = np.bytes_(text.replace(b"\0", b"")[:30_000])
            case _:
                del file["labels"]
                file.create_dataset("labels", (4, 25), "u1", external=[("outside.raw", 0, 100)])


def _hdf5_table(path: Path, random: Random) -> None:
    table = honest.ilastik_records()
    way = int(random.integers(8))
    if way > 3:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    with h5py.File(path, "w") as file:
        match way:
            case 0:
                file.create_dataset("table", (2**34,), table.dtype, chunks=(2**12,))
            case 1:
                file["table"] = h5py.ExternalLink("outside.h5", "table")
            case 2:
                file["table"] = table[list(random.permutation(list(table.dtype.names or ()))[:4])]
            case _:
                kinds = [
                    (n, str(random.choice(["f4", "S3", "u8", "(2,)f4"])))
                    for n in ("User Label", "Predicted Class")
                ]
                file["table"] = np.zeros(5, [*kinds, ("labelimage_oid", "f8")])


def _ilastik_project(path: Path, random: Random) -> None:
    """Damage a project of ilastik, or put in place of one of its values what may be anything."""
    if random.random() < 0.4:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    values: list[object] = [
        np.void(b"cos\nsystem\n(S'ls'\ntR."),
        np.void(random.bytes(9)),
        random.bytes(9).replace(b"\0", b""),
        [b"a", b"\xff"],
        np.array([2**40, 2**40, -1, 7]),
        np.array([[np.nan, np.inf]]),
        np.float64(random.normal()),
        h5py.ExternalLink("outside.h5", "labels"),
        h5py.SoftLink("/time"),
        h5py.SoftLink("/"),
    ]
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visititems(lambda name, _: names.append(name))
        name = names[int(random.integers(len(names)))]
        node = file[name]
        way = int(random.integers(len(values) + 4))
        if way == len(values) and isinstance(node, h5py.Dataset) and node.ndim:
            attributes = dict(node.attrs)
            del file[name]
            size = [int(random.choice([2**12, 2**20, 2**34])) for _ in range(node.ndim)]
            huge = file.create_dataset(name, size, "u1", chunks=tuple(64 for _ in size))
            huge.attrs.update(attributes)
        elif way > len(values) and node.attrs:
            key = str(random.choice(list(node.attrs)))
            text = str(node.attrs[key]).encode()
            node.attrs[key] = np.bytes_(damage(text, random).replace(b"\0", b"")[:30_000])
        else:
            del file[name]
            file[name] = values[way % len(values)]


def _ilastik_forest(path: Path, random: Random) -> None:
    """Damage a project with trees, or change numbers of a tree."""
    if random.random() < 0.2:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    with h5py.File(path, "a") as file:
        trees: list[h5py.Group] = []
        forests = file["PixelClassification/ClassifierForests"]
        forests.visititems(lambda name, node: trees.append(node) if "Tree" in name else None)
        groups = [node for node in trees if isinstance(node, h5py.Group)]
        tree = groups[int(random.integers(len(groups)))]
        name = str(random.choice(["topology", "parameters"]))
        values = tree[name][()]
        for _ in range(int(random.integers(1, 4))):
            odd = [-1, 0, 1, 2, 7, 9, 2**30, 2**31 - 1, int(random.integers(-20, 20))]
            numbers = odd if name == "topology" else [*odd, np.nan, np.inf, 1e300]
            values[int(random.integers(len(values)))] = numbers[int(random.integers(len(numbers)))]
        del tree[name]
        match int(random.integers(6)):
            case 0:
                tree.create_dataset(name, (2**34,), values.dtype, chunks=(2**12,))
            case 1:
                tree[name] = values[: int(random.integers(len(values)))]
            case 2:
                tree[name] = values.astype(str(random.choice(["f4", "u1", "S3"])))
            case _:
                tree[name] = values


def _classifier(path: Path, random: Random) -> None:
    files = sorted(path.iterdir())
    # A network measures no features: their means are empty.
    arrays = [file for file in files if file.suffix == ".npy" and np.load(file).size]
    if random.random() < 0.5:
        (description,) = path.glob("*.json")
        description.write_bytes(change_json(description.read_bytes(), random))
        return
    chosen = arrays[int(random.integers(len(arrays)))]
    way = int(random.integers(4))
    if way == 0:
        with chosen.open("wb") as file:
            shape = (int(random.choice([2**12, 2**34, 2**60])), 2)
            header = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
    elif way == 1:
        np.save(chosen, np.array([{}], object), allow_pickle=True)
    elif way == 2:
        values = np.load(chosen)
        values.flat[int(random.integers(values.size))] = int(random.integers(-9, 9))
        np.save(chosen, values)
    else:
        chosen.write_bytes(damage(chosen.read_bytes(), random))


def _csv_table(path: Path, random: Random) -> None:
    # ilastik does not quote commas
    data = any_of(change_cells, damage)(path.read_bytes(), random).replace(b"B-c", b"B, c")
    if random.random() < 0.1:
        data = gzip.compress(data)
    path.write_bytes(_table_bomb() if random.random() < 0.02 else data)


@cache
def _table_bomb() -> bytes:
    header = b"labelimage_oid,Predicted Class\n"
    return gzip.compress(header + b"1," + b"x" * (100 * 2**20) + b"\n", 1)


def _zarr(path: Path, random: Random) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    texts = [file for file in files if file.name.startswith((".z", "zarr.json"))]
    if random.random() < 0.8:
        chosen = texts[int(random.integers(len(texts)))]
        change = any_of(change_json, change_json, claim_zarr, claim_zarr, damage)
    else:
        chosen, change = files[int(random.integers(len(files)))], damage
    chosen.write_bytes(change(chosen.read_bytes(), random))


def _model(path: Path, random: Random) -> None:
    files = ("config.json", "thresholds.json", "recipe.json", "weights_best.h5")
    chosen = path / files[int(random.choice(4, p=[0.4, 0.15, 0.15, 0.3]))]
    if chosen.suffix == ".json" and random.random() < 0.8:
        chosen.write_bytes(change_json(chosen.read_bytes(), random))
    elif random.random() < 0.1:
        with h5py.File(chosen, "w") as file:
            file.create_dataset("x", (2**34, 64), "f4", chunks=(64, 64))
    else:
        chosen.write_bytes(damage(chosen.read_bytes(), random))


# ---- reading ------------------------------------------------------------------------------------


def _read_objects(path: Path) -> None:
    found = Detections.read(path)
    found.write(path.with_name("again.geojson"))
    found.write(path.with_name("again.csv"))
    if not found.objects[["z", "t"]].to_numpy().any():
        found.to_labels((64, 64))


def _read_image(path: Path) -> None:
    with open_image(path) as image:
        for t, z in list(image.planes())[:2]:
            image.plane(0, z=z, t=t)


def _read_labels(path: Path) -> None:
    Detections.read(path)


def _read_ilastik_project(path: Path) -> None:
    read_label_sets(read_project(path))
    refuse_unknown_pickles(path)


def _read_ilastik_forest(path: Path) -> None:
    forest = DecisionForest.from_stored(read_forest(path))
    forest.predict_proba(np.zeros((forest.n_features, 4), np.float32))


def _read_pixel_classifier(path: Path) -> None:
    forest = load_classifier(path).forest
    forest.predict_proba(np.zeros((forest.n_features, 4), np.float32))


def _read_object_classifier(path: Path) -> None:
    classifier = load_object_classifier(path)
    if classifier.crop_model is not None:
        classifier.predict_crops(random_crops(4, classifier.crop_model.n_channels))
        return
    classifier.predict(pd.DataFrame(0.0, index=range(4), columns=list(classifier.feature_names)))


def _read_model(path: Path) -> None:
    read_unet(open_model(path))


KINDS: dict[str, Kind] = {
    "RoiSet": Kind(
        honest.objects_file(".zip"),
        _bytes(damage, change_zip(damage), change_zip(damage)),
        _read_objects,
        OUTLINE,
    ),
    "ROI": Kind(honest.objects_file(".roi"), _bytes(damage), _read_objects, OUTLINE),
    "GeoJSON": Kind(
        honest.objects_file(".geojson"), _bytes(change_json, change_json, damage), _read_objects
    ),
    "packed GeoJSON": Kind(honest.objects_file(".geojson.gz"), _packed_geojson, _read_objects),
    "CSV": Kind(
        honest.objects_file(".csv"), _bytes(change_cells, change_cells, damage), _read_objects
    ),
    "Parquet": Kind(honest.objects_file(".parquet"), _parquet, _read_objects),
    "HDF5": Kind(honest.objects_file(".h5"), _hdf5, _read_labels, TRACED),
    "HDF5 table": Kind(honest.hdf5_table, _hdf5_table, count_table),
    "ilastik project": Kind(
        honest.ilastik_project, _ilastik_project, _read_ilastik_project, 4 * SPARSE
    ),
    "ilastik forest": Kind(honest.ilastik_forest, _ilastik_forest, _read_ilastik_forest, SPARSE),
    "pixel classifier": Kind(honest.pixel_classifier, _classifier, _read_pixel_classifier),
    "object classifier": Kind(honest.object_classifier, _classifier, _read_object_classifier),
    "CSV table": Kind(honest.csv_table, _csv_table, count_table),
    "TIFF": Kind(honest.tiff, _bytes(damage, claim_tiff), _read_image),
    "Zarr": Kind(honest.zarr_folder, _zarr, _read_image, SPARSE),
    "CZI": Kind(honest.microscope_file(".czi"), _bytes(damage, claim_czi), _read_image),
    "LIF": Kind(honest.microscope_file(".lif"), _bytes(damage, claim_lif), _read_image),
    "ND2": Kind(honest.microscope_file(".nd2"), _bytes(damage, claim_nd2), _read_image),
    "model": Kind(honest.model, _model, _read_model),
}


def remove(path: Path) -> None:
    """Remove what a case left in its folder."""
    for inside in path.iterdir():
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
