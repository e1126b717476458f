"""OME-Zarr: NGFF 0.4 and 0.5, plain Zarr arrays, and nothing that runs code."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from bridge.errors import BadInputError
from bridge.images import PixelSize, open_image

MICROMETRES: list[dict[str, str]] = [
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "nanometer"},
]


def scale(*factors: float) -> dict[str, Any]:
    """A coordinate transformation of NGFF."""
    return {"type": "scale", "scale": list(factors)}


def write_image(
    folder: Path, array: Any, axes: Any = None, *, version: str = "0.4", **more: Any
) -> None:
    """A multiscale image of two levels."""
    zarr_format: Any = 2 if version == "0.4" else 3
    group = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    datasets = []
    for i, step in enumerate((1, 2)):
        level = array[..., ::step, ::step]
        chunks = (*(1 for _ in level.shape[:-2]), *(min(8, size) for size in level.shape[-2:]))
        stored = group.create_array(str(i), shape=level.shape, dtype=level.dtype, chunks=chunks)
        stored[...] = level
        steps = scale(*(1.0 for _ in level.shape[:-3]), 2.0, 0.5 * step, 250.0 * step)
        datasets.append({"path": str(i), "coordinateTransformations": [steps]})
    multiscale = {"axes": MICROMETRES if axes is None else axes, "datasets": datasets}
    metadata = {"multiscales": [multiscale | more.pop("multiscale", {})], **more}
    group.attrs.update(metadata if version == "0.4" else {"ome": metadata | {"version": version}})


def ramp(*shape: int) -> Any:
    """Values that differ everywhere."""
    return np.arange(1, np.prod(shape) + 1, dtype=np.uint16).reshape(shape)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions_of_ngff(tmp_path: Path, version: str) -> None:
    array = ramp(2, 3, 20, 24)
    folder = tmp_path / "My cells.ome.zarr"
    omero = {"channels": [{"label": "DAPI"}, {"color": "FF0000"}]}
    write_image(folder, array, version=version, omero=omero)
    with open_image(folder) as image:
        assert (image.axes, image.shape, image.dtype) == ("CZYX", array.shape, np.dtype("u2"))
        assert (image.name, image.path) == ("My cells", folder)
        assert image.channels == ("DAPI", "C2")
        assert image.pixel_size == PixelSize(0.5, 0.25, 2.0)
        assert image.level_shapes == ((20, 24), (10, 12))
        np.testing.assert_array_equal(image.plane("DAPI", z=2), array[0, 2])
        np.testing.assert_array_equal(image.plane(1, z=2, level=1), array[1, 2, ::2, ::2])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("how", ["path", "dataset"])
def test_a_level_is_an_image_of_its_own(tmp_path: Path, version: str, how: str) -> None:
    array = ramp(2, 3, 20, 24)
    folder = tmp_path / "a.ome.zarr"
    write_image(folder, array, version=version)
    image = open_image(folder / "1") if how == "path" else open_image(folder, dataset="1")
    with image:
        assert (image.axes, image.shape) == ("CZYX", (2, 3, 10, 12))
        assert image.pixel_size == PixelSize(1.0, 0.5, 2.0)
        assert len(image.level_shapes) == 1
        np.testing.assert_array_equal(image.plane(1, z=1), array[1, 1, ::2, ::2])


def test_a_scale_for_all_levels_multiplies_that_of_each(tmp_path: Path) -> None:
    folder = tmp_path / "a.ome.zarr"
    more = {"coordinateTransformations": [scale(1.0, 1.0, 3.0, 4.0)]}
    write_image(folder, ramp(1, 1, 8, 8), multiscale=more)
    with open_image(folder) as image:
        assert image.pixel_size == PixelSize(1.5, 1.0, 2.0)


@pytest.mark.parametrize("unit", [None, "pixel", "parsec"])
def test_a_scale_without_a_unit_of_length_is_no_pixel_size(
    tmp_path: Path, unit: str | None
) -> None:
    folder = tmp_path / "a.ome.zarr"
    axes = [{"name": axis} | ({"unit": unit} if unit else {}) for axis in "czyx"]
    write_image(folder, ramp(1, 1, 8, 8), axes)
    with open_image(folder) as image:
        assert image.pixel_size is None


def test_axes_of_older_versions(tmp_path: Path) -> None:
    array = ramp(1, 2, 3, 8, 9)
    write_image(tmp_path / "3.zarr", array, list("tczyx"))
    write_image(tmp_path / "2.zarr", array, multiscale={"axes": None, "version": "0.2"})
    for name in ("3.zarr", "2.zarr"):
        with open_image(tmp_path / name) as image:
            assert image.axes == "TCZYX"
            np.testing.assert_array_equal(image.plane(1, z=2), array[0, 1, 2])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays(tmp_path: Path, zarr_format: Any) -> None:
    array = ramp(2, 8, 9)
    options: dict[str, Any] = {"dimension_names": list("cyx")} if zarr_format == 3 else {}
    for name, values in (("plain", array[0]), ("named", array), ("unnamed", array)):
        stored = zarr.create_array(
            store=tmp_path / f"{name}.zarr",
            shape=values.shape,
            dtype=values.dtype,
            zarr_format=zarr_format,
            **(options if name == "named" else {}),
        )
        stored[...] = values
        if name == "named" and zarr_format == 2:
            stored.attrs["_ARRAY_DIMENSIONS"] = list("cyx")
    with open_image(tmp_path / "plain.zarr") as image:
        np.testing.assert_array_equal(image.plane(), array[0])
    with open_image(tmp_path / "named.zarr") as image:
        np.testing.assert_array_equal(image.plane(1), array[1])
    with pytest.raises(BadInputError, match="nothing says what its axes are"):
        open_image(tmp_path / "unnamed.zarr")
    with open_image(tmp_path / "unnamed.zarr", axes="ZYX") as image:
        np.testing.assert_array_equal(image.plane(z=1), array[1])


def test_of_several_images_one_is_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    zarr.open_group(folder / "OME", mode="w", zarr_format=2)
    write_image(folder / "0", ramp(1, 1, 8, 8))
    with open_image(folder) as image:
        assert image.axes == "CZYX"
    write_image(folder / "1", ramp(1, 1, 8, 9))
    with pytest.raises(BadInputError, match="holds 2 images; choose one as in .*#0: 0, 1"):
        open_image(folder)
    with open_image(folder, dataset="1") as image:
        assert image.width == 9


def test_a_plate_needs_a_field(tmp_path: Path) -> None:
    folder = tmp_path / "plate.zarr"
    zarr.open_group(folder, mode="w", zarr_format=2).attrs["plate"] = {"wells": []}
    with pytest.raises(
        BadInputError, match="is a plate of many wells; give one field, for example plate.zarr/A"
    ):
        open_image(folder)


def test_folders_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(BadInputError, match="there is no Zarr metadata in 'empty"):
        open_image(tmp_path / "empty.zarr")
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    with pytest.raises(BadInputError, match="is a Zarr folder without an image"):
        open_image(tmp_path / "group.zarr")
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    with pytest.raises(BadInputError, match="is no readable OME-Zarr image"):
        open_image(tmp_path / "bad.zarr")
    with pytest.raises(BadInputError, match=r"has no image '\.\./x'"):
        open_image(tmp_path / "group.zarr", dataset="../x")
    write_image(tmp_path / "lost.zarr", ramp(1, 1, 8, 8))
    shutil.rmtree(tmp_path / "lost.zarr" / "1")
    with pytest.raises(BadInputError, match="there is no Zarr metadata in '1'"):
        open_image(tmp_path / "lost.zarr")


def test_levels_outside_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    write_image(folder, ramp(1, 1, 8, 8), multiscale={"datasets": [{"path": "../b.zarr"}]})
    with pytest.raises(BadInputError, match=r"refers to '../b.zarr', outside its own folder"):
        open_image(folder)


def test_only_the_chunks_of_the_plane_are_read(tmp_path: Path) -> None:
    array = ramp(2, 1, 20, 24)
    folder = tmp_path / "a.zarr"
    write_image(folder, array)
    chunks = sorted((folder / "0").glob("1.0.*"))
    assert len(chunks) == 9
    for chunk in chunks:
        chunk.write_bytes(b"\xff" * 10)
    with open_image(folder) as image:
        np.testing.assert_array_equal(image.plane(0), array[0, 0])
        with pytest.raises(BadInputError, match="pixel data is damaged or cut short"):
            image.plane(1)


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_pickles_are_never_loaded(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "a.zarr"
    array = zarr.create_array(
        store=folder, shape=(8, 8), dtype="u1", chunks=(8, 8), zarr_format=2, compressors=None
    )
    array[...] = 1
    metadata = json.loads((folder / ".zarray").read_text())
    codec = {"id": "pickle", "protocol": 5}
    metadata[place] = [codec] if place == "filters" else codec
    (folder / ".zarray").write_text(json.dumps(metadata))
    loaded = tmp_path / "loaded"
    (folder / "0.0").write_bytes(pickle.dumps(Bomb(loaded)))
    with pytest.raises(BadInputError), open_image(folder) as image:
        image.plane()
    assert not loaded.exists()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_missing_chunks_are_counted(
    tmp_path: Path, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "a.zarr"
    write_image(folder, ramp(2, 1, 20, 24), version=version)
    with open_image(folder):
        pass
    assert "missing" not in caplog.text
    pattern = "1.0.*.0" if version == "0.4" else "c/1/0/*/0"
    chunks = sorted((folder / "0").glob(pattern))
    assert len(chunks) == 3
    for chunk in chunks:
        chunk.unlink()
    with open_image(folder) as image:
        assert image.plane(1)[0, 0] == 0
    assert f"{folder}: 3 of its 18 chunk files are missing, and their pixels are 0" in caplog.text


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    "sizes", [{"shape": [2, 20, 2**31]}, {"shape": [2**24, 20, 24]}, {"chunks": [2, 2**16, 2**16]}]
)
def test_claims_of_far_more_than_the_chunk_files_hold_are_refused(
    tmp_path: Path, version: str, sizes: dict[str, list[int]]
) -> None:
    folder = tmp_path / "a.zarr"
    write_image(folder, ramp(2, 20, 24), version=version)
    about = folder / "0" / (".zarray" if version == "0.4" else "zarr.json")
    metadata = json.loads(about.read_text())
    if "chunks" in sizes and version == "0.5":
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = sizes["chunks"]
    else:
        metadata |= sizes
    about.write_text(json.dumps(metadata))

    with pytest.raises(BadInputError, match=r"claims .* pixels in [\d,]+ chunk files, of which"):
        open_image(folder, axes="ZYX")


def test_an_empty_image_whose_chunks_are_left_out_is_zeros(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(2048, 2048), dtype="u4", chunks=(256, 256))
    group.attrs["multiscales"] = [
        {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}
    ]

    with open_image(tmp_path / "a.zarr") as image:
        assert not image.plane().any()
    assert "64 of its 64 chunk files are missing" in caplog.text
