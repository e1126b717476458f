"""Volumes know µm along every axis, or ask for them, and are read slab by slab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.images.ome_tiff import write_ome_tiff
from bridge.images.omezarr_writing import write_ome_zarr
from bridge.volumes import Provenance, open_volume
from bridge.volumes.provenance import ATTRIBUTE
from bridge.volumes.volume import take_over
from tests.volumes.scenes import volume_of, write_hdf5

STACK = np.arange(2 * 5 * 6 * 7, dtype=np.uint16).reshape(2, 5, 6, 7)
VOXEL = (2.0, 0.5, 0.25)


def written(kind: str, folder: Path) -> Path:
    """Write the stack with its voxel size in a format."""
    image = from_array(STACK, axes="CZYX", pixel_size=VOXEL, channels=["DAPI", "GFP"])
    path = folder / f"a{kind}"
    if kind == ".tif":
        write_hyperstack(image, path)
    elif kind == ".ome.tif":
        write_ome_tiff(image, path)
    elif kind == ".ome.zarr":
        write_ome_zarr(image, path)
    else:
        write_hdf5(path, np.moveaxis(STACK, 0, -1), "ZYXC", element_size_um=VOXEL)
    return path


@pytest.mark.parametrize("kind", [".tif", ".ome.tif", ".ome.zarr", ".h5"])
def test_every_format_gives_slices_and_the_step_between_them(kind: str, tmp_path: Path) -> None:
    with open_volume(written(kind, tmp_path)) as volume:
        assert volume.shape == (5, 6, 7)
        assert volume.known_voxel == pytest.approx(VOXEL)
        assert volume.size_um == pytest.approx((10, 3, 1.75))
        for channel in range(2):
            np.testing.assert_array_equal(volume.slab(1, 4, channel), STACK[channel, 1:4])
            np.testing.assert_array_equal(volume.read(channel), STACK[channel])


def test_ome_xml_gives_steps_in_any_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    sizes = {"PhysicalSizeZ": 1500, "PhysicalSizeZUnit": "nm"}
    sizes |= {f"PhysicalSize{axis}": 0.0004 for axis in "XY"}
    sizes |= {f"PhysicalSize{axis}Unit": "mm" for axis in "XY"}
    tifffile.imwrite(path, STACK[0], ome=True, metadata={"axes": "ZYX", **sizes})
    with open_volume(path) as volume:
        assert volume.known_voxel == pytest.approx((1.5, 0.4, 0.4))


def test_resolutions_of_hdf5_count_where_they_have_a_unit(tmp_path: Path) -> None:
    tags = (
        '{"axes": [{"key": "z", "resolution": 1500}, {"key": "y", "resolution": 0.4},'
        ' {"key": "x", "resolution": 0.4}]}'
    )
    units = '{"z": "nm", "y": "um", "x": "um"}'
    path = write_hdf5(tmp_path / "a.h5", STACK[0], "ZYX", axistags=tags, axis_units=units)
    with open_volume(path) as volume:
        assert volume.known_voxel == pytest.approx((1.5, 0.4, 0.4))
    path = write_hdf5(tmp_path / "b.h5", STACK[0], "ZYX", axistags=tags)
    with open_volume(path) as volume:
        assert volume.voxel == (None, None, None)


def test_one_channel_is_chosen_by_name(tmp_path: Path) -> None:
    with open_volume(written(".tif", tmp_path), channel="gfp") as volume:
        assert volume.channels == ("GFP",)
        np.testing.assert_array_equal(volume.slab(0, 2), STACK[1, :2])


def test_slabs_cover_the_volume_within_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.volumes.volume._SLAB_BYTES", 2 * STACK[0, 0].nbytes)
    found = list(volume_of(STACK).slabs(1))
    assert [(start, len(slab)) for start, slab in found] == [(0, 2), (2, 2), (4, 1)]
    np.testing.assert_array_equal(np.concatenate([slab for _, slab in found]), STACK[1])


def test_a_plane_is_no_volume(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0])
    with pytest.raises(BadInputError, match=r"a\.tif: is a plane of 6 × 7 pixels.*--axes ZYX"):
        open_volume(tmp_path / "a.tif")


def test_unknown_sizes_are_asked_for_and_given(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5", STACK, "CZYX")
    with (
        open_volume(path) as volume,
        pytest.raises(BadInputError, match=r"z unknown, y unknown.*--voxel 1,0\.36,0\.36"),
    ):
        _ = volume.known_voxel
    with open_volume(path, voxel=(2, 0.5, 0.5)) as volume:
        assert volume.known_voxel == (2, 0.5, 0.5)


def test_an_unknown_step_between_slices_is_asked_for(tmp_path: Path) -> None:
    image = from_array(STACK[0], axes="ZYX", pixel_size=(0.5, 0.5))
    write_ome_tiff(image, tmp_path / "a.ome.tif")
    with open_volume(tmp_path / "a.ome.tif") as volume:
        assert volume.voxel == pytest.approx((None, 0.5, 0.5))
        with pytest.raises(BadInputError, match="z unknown, y 0.5, x 0.5"):
            _ = volume.known_voxel


def test_voxels_over_ten_times_longer_than_wide_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"20 times longer .* check the µm of each axis"):
        _ = volume_of(STACK, (10, 0.5, 0.5)).known_voxel
    assert volume_of(STACK, (5, 0.5, 0.5)).known_voxel == (5, 0.5, 0.5)


def test_a_time_point_is_chosen_where_there_are_several(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "a.h5", STACK, "TZYX")
    with pytest.raises(BadInputError, match=r"has 2 time points; choose one with --time 0 to 1"):
        open_volume(path)
    with pytest.raises(BadInputError, match="has no time point 2"):
        open_volume(path, time=2)
    with open_volume(path, time=1) as volume:
        np.testing.assert_array_equal(volume.read(), STACK[1])


def test_of_several_datasets_ilastiks_export_counts(tmp_path: Path) -> None:
    import h5py

    path = write_hdf5(tmp_path / "a.h5", STACK, "CZYX", "exported_data")
    with h5py.File(path, "a") as file:
        file["other"] = np.zeros((3, 4, 5))
    with open_volume(path) as volume:
        assert volume.shape == (5, 6, 7)


def test_more_than_the_free_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(BadInputError, match=r"5 × 6 × 7 \(z, y, x\) voxels.*subsample it first"):
        volume_of(STACK).read(copies=3)
    assert volume_of(STACK).read().shape == (5, 6, 7)


def prepared_file(folder: Path, **changes: Any) -> Path:
    made = Provenance("raw.tif", (5, 12, 21), (2.0, 0.5, 0.5), (5, 6, 7))
    text = changes.get("text", made.to_text())
    values = changes.get("values", STACK)
    return write_hdf5(
        folder / "V.h5", values, "CZYX", element_size_um=[2, 1, 1.5], **{ATTRIBUTE: text}
    )


def test_a_prepared_volume_knows_its_image(tmp_path: Path) -> None:
    with open_volume(prepared_file(tmp_path)) as volume:
        made = volume.provenance
    assert made == Provenance("raw.tif", (5, 12, 21), (2.0, 0.5, 0.5), (5, 6, 7))
    assert made.factors == (1, 0.5, 1 / 3)
    assert made.written_voxel == pytest.approx((2, 1, 1.5))
    assert made.to_image_voxels((2.5, 3, 7)) == pytest.approx((2.5, 6, 21))


def test_a_corrected_voxel_size_holds_for_the_image_too(tmp_path: Path) -> None:
    with open_volume(prepared_file(tmp_path), voxel=(4, 2, 3)) as volume:
        assert volume.provenance is not None
        assert volume.provenance.voxel == pytest.approx((4, 1, 1))
        assert volume.provenance.written_voxel == pytest.approx((4, 2, 3))


@pytest.mark.parametrize("text", ["", "[]", '{"source": 1}', '{"source": "a", "shape": [1e99]}'])
def test_a_damaged_origin_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"V\.h5: .*cannot be read.*prepare it again"):
        open_volume(prepared_file(tmp_path, text=text))


def test_an_origin_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="was prepared with 5 × 6 × 7"):
        open_volume(prepared_file(tmp_path, values=STACK[:, :4]))


def test_probabilities_take_size_and_origin_over_from_what_they_were_computed_on(
    tmp_path: Path,
) -> None:
    probabilities = write_hdf5(tmp_path / "P.h5", STACK, "CZYX", "exported_data")
    with open_volume(prepared_file(tmp_path)) as volume, open_volume(probabilities) as found:
        taken = take_over(found, volume)
        assert (taken.known_voxel, taken.provenance) == (volume.known_voxel, volume.provenance)
    turned = write_hdf5(tmp_path / "Q.h5", STACK, "CXYZ", "exported_data")
    with (
        open_volume(prepared_file(tmp_path)) as volume,
        open_volume(turned) as found,
        pytest.raises(BadInputError, match=r"7 × 6 × 5 .* voxels, but .*V\.h5 has 5 × 6 × 7"),
    ):
        take_over(found, volume)


def test_another_voxel_size_than_that_of_the_prepared_volume_is_refused(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "P.h5", STACK, "CZYX", element_size_um=[2, 1, 1.6])
    with (
        open_volume(prepared_file(tmp_path)) as volume,
        open_volume(path) as found,
        pytest.raises(BadInputError, match=r"x 1\.6 µm, but those of .*V\.h5 are .*x 1\.5 µm"),
    ):
        take_over(found, volume)
