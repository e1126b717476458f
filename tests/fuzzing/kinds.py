"""The kinds of files that are damaged: how an honest one is made, damaged and read."""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import tifffile
import zarr

from bridge import Detections, open_image
from bridge.aggregate import count_table
from bridge.model.folder import demo_model_folder, open_model
from bridge.segment.engines.unet import read_unet
from tests.aggregate.ilastik import ilastik_table
from tests.fuzzing.mutations import (
    Random,
    any_of,
    change_cells,
    change_json,
    change_zip,
    damage,
)
from tests.objects import reviewed


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        make: writes a damaged file, or folder, into a folder; returns its path.
        read: reads it.
    """

    make: Callable[[Path, Random], Path]
    read: Callable[[Path], object]


# ---- making honest files ------------------------------------------------------------------------


@cache
def _honest(ending: str) -> bytes:
    """A file of a few objects with everything that its format keeps."""
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
        tifffile.imwrite(stream, _labels(), photometric="minisblack", **options)  # type: ignore[arg-type]
        files.append(stream.getvalue())
    return tuple(files)


@cache
def _model_files() -> dict[str, bytes]:
    folder = demo_model_folder()
    names = ("config.json", "thresholds.json", "recipe.json", "weights_best.h5")
    return {name: (folder / name).read_bytes() for name in names}


# ---- damaging -----------------------------------------------------------------------------------


def _bytes(ending: str, *ways: Any) -> Callable[[Path, Random], Path]:
    def make(folder: Path, random: Random) -> Path:
        path = folder / f"a{ending}"
        path.write_bytes(any_of(*ways)(_honest(ending), random))
        return path

    return make


def _tiff(folder: Path, random: Random) -> Path:
    path = folder / "a.tif"
    path.write_bytes(damage(_tiffs()[int(random.integers(len(_tiffs())))], random))
    return path


def _packed_geojson(folder: Path, random: Random) -> Path:
    path = folder / "a.geojson.gz"
    if random.random() < 0.05:
        path.write_bytes(_bomb())
    elif random.random() < 0.5:
        path.write_bytes(gzip.compress(change_json(_honest(".geojson"), random), 1))
    else:
        path.write_bytes(damage(gzip.compress(_honest(".geojson"), 1), random))
    return path


@cache
def _bomb() -> bytes:
    """A list of so many empty lists that they would take gigabytes."""
    return gzip.compress(b"[" + b"[]," * (30 * 2**20) + b"0]", 1)


def _parquet(folder: Path, random: Random) -> Path:
    path = folder / "a.parquet"
    if random.random() < 0.5:
        path.write_bytes(damage(_honest(".parquet"), random))
        return path
    table = pq.read_table(io.BytesIO(_honest(".parquet")))
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
    return path


def _hdf5(folder: Path, random: Random) -> Path:
    """A label image of starbridge, or a table of ilastik."""
    path = folder / "a.h5"
    way = int(random.integers(14))
    if way < 6:
        path.write_bytes(damage(_honest(".h5"), random))
        return path
    (folder / "outside.raw").write_bytes(bytes(100))
    path.write_bytes(_honest(".h5"))
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
    return path


def _hdf5_table(folder: Path, random: Random) -> Path:
    path = folder / "Pa_s1_table.h5"
    rows = ilastik_table({"A": 5, "B": 4}, seed=1).to_records(index=False)
    texts = {"User Label": "S4", "Predicted Class": "S4"}
    table = rows.astype([(n, texts.get(n, rows.dtype[n])) for n in rows.dtype.names or ()])
    way = int(random.integers(8))
    with h5py.File(path, "w") as file:
        match way:
            case 0:
                file.create_dataset("table", (2**34,), table.dtype, chunks=(2**12,))
            case 1:
                file["table"] = h5py.ExternalLink("outside.h5", "table")
            case 2:
                file["table"] = table[list(random.permutation(list(table.dtype.names or ()))[:4])]
            case 3:
                kinds = [(n, str(random.choice(["f4", "S3", "u8", "(2,)f4"]))) for n in texts]
                file["table"] = np.zeros(5, [*kinds, ("labelimage_oid", "f8")])
            case _:
                file["table"] = table
    if way > 3:
        path.write_bytes(damage(path.read_bytes(), random))
    return path


def _csv_table(folder: Path, random: Random) -> Path:
    path = folder / "Pa_s1_table.csv"
    classes = {"A": 5, str(random.choice(["B", "B-c"])): 4}
    honest = ilastik_table(classes, seed=1).to_csv(index=False).encode()
    # ilastik does not quote commas
    data = any_of(change_cells, damage)(honest, random).replace(b"B-c", b"B, c")
    if random.random() < 0.1:
        data = gzip.compress(data)
    path.write_bytes(_table_bomb() if random.random() < 0.02 else data)
    return path


@cache
def _table_bomb() -> bytes:
    header = b"labelimage_oid,Predicted Class\n"
    return gzip.compress(header + b"1," + b"x" * (100 * 2**20) + b"\n", 1)


def _zarr(folder: Path, random: Random) -> Path:
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
    files = sorted(file for file in path.rglob("*") if file.is_file())
    texts = [file for file in files if file.name.startswith((".z", "zarr.json"))]
    if random.random() < 0.7:
        chosen = texts[int(random.integers(len(texts)))]
        chosen.write_bytes(any_of(change_json, change_json, damage)(chosen.read_bytes(), random))
    else:
        chosen = files[int(random.integers(len(files)))]
        chosen.write_bytes(damage(chosen.read_bytes(), random))
    return path


def _model(folder: Path, random: Random) -> Path:
    path = folder / "model"
    path.mkdir()
    for name, content in _model_files().items():
        (path / name).write_bytes(content)
    files = list(_model_files())
    chosen = path / files[int(random.choice(4, p=[0.4, 0.15, 0.15, 0.3]))]
    if chosen.suffix == ".json" and random.random() < 0.8:
        chosen.write_bytes(change_json(chosen.read_bytes(), random))
    elif random.random() < 0.1:
        with h5py.File(chosen, "w") as file:
            file.create_dataset("x", (2**34, 64), "f4", chunks=(64, 64))
    else:
        chosen.write_bytes(damage(chosen.read_bytes(), random))
    return path


# ---- reading ------------------------------------------------------------------------------------


def _read_objects(path: Path) -> None:
    found = Detections.read(path)
    found.write(path.with_name("again.geojson"))
    found.write(path.with_name("again.csv"))
    if not found.objects[["z", "t"]].to_numpy().any():
        found.to_labels((64, 64))


def _read_image(path: Path) -> None:
    with open_image(path) as image:
        if image.width * image.height > 2**24:  # a claim that planes may keep
            return
        for t, z in list(image.planes())[:2]:
            image.plane(0, z=z, t=t)


def _read_labels(path: Path) -> None:
    Detections.read(path)


def _read_model(path: Path) -> None:
    read_unet(open_model(path))


KINDS: dict[str, Kind] = {
    "RoiSet": Kind(_bytes(".zip", damage, change_zip(damage), change_zip(damage)), _read_objects),
    "ROI": Kind(_bytes(".roi", damage), _read_objects),
    "GeoJSON": Kind(_bytes(".geojson", change_json, change_json, damage), _read_objects),
    "packed GeoJSON": Kind(_packed_geojson, _read_objects),
    "CSV": Kind(_bytes(".csv", change_cells, change_cells, damage), _read_objects),
    "Parquet": Kind(_parquet, _read_objects),
    "HDF5": Kind(_hdf5, _read_labels),
    "HDF5 table": Kind(_hdf5_table, count_table),
    "CSV table": Kind(_csv_table, count_table),
    "TIFF": Kind(_tiff, _read_image),
    "Zarr": Kind(_zarr, _read_image),
    "model": Kind(_model, _read_model),
}


def remove(path: Path) -> None:
    """Remove what a case left in its folder."""
    for inside in path.iterdir():
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
