"""TIFF files of all kinds give single planes, and never zeros for what is missing."""

from __future__ import annotations

import logging
import tracemalloc
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.images import PixelSize, open_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def ramp(*shape: int, dtype: str = "u2") -> NDArray[Any]:
    """Values that differ everywhere (as far as the type can tell them apart)."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


# Kinds of files


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_plane_is_the_slice_of_the_stack(tmp_path: Path, data: st.DataObject) -> None:
    others = data.draw(st.sets(st.sampled_from("TCZ")))
    axes = "".join(data.draw(st.permutations(sorted(others)))) + "YX"
    if "C" in others and data.draw(st.booleans(), label="channels last"):
        axes = axes.replace("C", "") + "C"
    shape = [data.draw(st.integers(2, 4)) for _ in axes]
    byteorder: Any = data.draw(st.sampled_from("<>"))
    dtype = data.draw(st.sampled_from(["u1", "i2", "u2", "i4", "u4", "f2", "f4", "f8"]))
    array = ramp(*shape, dtype=dtype)
    path = tmp_path / "a.tif"
    options: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {},
                {"rowsperstrip": 1},
                {"tile": (16, 16)},
                {"compression": "zlib"},
                {"compression": "lzw", "tile": (16, 16)},
                {"compression": "deflate", "predictor": True},
                {"bigtiff": True},
            ]
        ),
        label="options",
    )
    if dtype == "f2" and "predictor" in options:
        options = {"compression": "zlib"}  # tifffile cannot write the other
    tifffile.imwrite(
        path,
        array,
        metadata={"axes": axes},
        byteorder=byteorder,
        photometric="minisblack",
        **options,
    )
    at = {axis: data.draw(st.integers(0, 1), label=axis) if axis in axes else 0 for axis in "TCZ"}
    with open_image(path) as image:
        assert (image.axes, image.shape, image.dtype) == (axes, tuple(shape), np.dtype(dtype))
        plane = image.plane(at["C"], z=at["Z"], t=at["T"])
    np.testing.assert_array_equal(plane, array[tuple(at.get(axis, slice(None)) for axis in axes)])
    assert plane.dtype.isnative
    assert plane.flags.c_contiguous
    assert plane.flags.writeable


@pytest.mark.parametrize("contiguous", [True, False])
def test_imagej_hyperstacks(tmp_path: Path, contiguous: bool) -> None:
    array = ramp(2, 3, 4, 5, 6)
    path = tmp_path / "stack.tif"
    if contiguous:
        tifffile.imwrite(path, array, imagej=True, metadata={"axes": "TZCYX"})
    else:
        tifffile.imwrite(path, array, imagej=True, metadata={"axes": "TZCYX"}, compression="zlib")
    with open_image(path) as image:
        assert (image.axes, image.shape) == ("TZCYX", (2, 3, 4, 5, 6))
        np.testing.assert_array_equal(image.plane(3, z=2, t=1), array[1, 2, 3])


def test_imagej_stacks_with_one_header_for_all_planes(tmp_path: Path) -> None:
    # ImageJ writes stacks above 4 GB with a single header: the planes follow its data.
    array = ramp(3, 8, 9)
    path = tmp_path / "large.tif"
    description = "ImageJ=1.54p\nimages=3\nslices=3\n"
    tifffile.imwrite(path, array[0], description=description, metadata=None)
    with tifffile.TiffFile(path) as file:
        end = file.pages.first.dataoffsets[0] + array[0].nbytes
    path.write_bytes(path.read_bytes()[:end] + array[1:].tobytes())
    with open_image(path) as image:
        assert (image.axes, image.shape) == ("ZYX", (3, 8, 9))
        np.testing.assert_array_equal(image.plane(z=2), array[2])


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_colour_images(
    tmp_path: Path, compression: str | None, tile: tuple[int, int] | None
) -> None:
    array = ramp(20, 21, 3, dtype="u1")
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, array, photometric="rgb", compression=compression, tile=tile)
    with open_image(path) as image:
        assert image.is_rgb
        assert image.channels == ("R", "G", "B")
        assert image.axes == "YXC"
        for i, name in enumerate("RGB"):
            np.testing.assert_array_equal(image.plane(name), array[..., i])
        with pytest.raises(BadInputError, match="choose --channel R, G or B"):
            image.plane()


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("axes", [None, "CYX"])
def test_a_stack_that_tifffile_marked_as_planar_colours_has_channels(
    tmp_path: Path, dtype: str, count: int, axes: str | None
) -> None:
    stack = ramp(count, 20, 21, dtype=dtype)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, stack, photometric="rgb", planarconfig="separate")
    with open_image(path, axes=axes) as image:
        assert (image.axes, image.is_rgb) == ("CYX", False)
        assert image.channels == ("C1", "C2", "C3", "C4")[:count]
        np.testing.assert_array_equal(image.plane(2), stack[2])


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_of_1_bit_is_an_image_of_0_and_1(tmp_path: Path, count: int) -> None:
    masks = ramp(count, 13, 11) % 3 == 0
    tifffile.imwrite(tmp_path / "a.tif", masks, photometric="minisblack")
    with open_image(tmp_path / "a.tif", axes="CYX") as image:
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image.plane(count - 1), masks[-1].astype(np.uint8))


def test_samples_of_16_bits_are_channels_not_colours(tmp_path: Path) -> None:
    array = ramp(20, 21, 3, dtype="u2")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    with open_image(tmp_path / "a.tif") as image:
        assert (image.axes, image.is_rgb) == ("YXC", False)
        np.testing.assert_array_equal(image.plane(1), array[..., 1])


def test_channels_beside_each_other_in_a_pixel_are_no_colours(tmp_path: Path) -> None:
    array = ramp(20, 21, 5)
    path = tmp_path / "c.tif"
    tifffile.imwrite(path, array, photometric="minisblack", planarconfig="contig")
    with open_image(path) as image:
        assert (image.axes, image.is_rgb, len(image.channels)) == ("YXC", False, 5)
        np.testing.assert_array_equal(image.plane(4), array[..., 4])


def test_jpeg_compression(tmp_path: Path) -> None:
    array = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    path = tmp_path / "j.tif"
    tifffile.imwrite(path, array, photometric="rgb", compression="jpeg", tile=(32, 32))
    with open_image(path) as image:
        assert image.is_rgb
        assert abs(int(image.plane("R").mean()) - 200) < 5


def test_pyramids_are_one_image_with_levels(tmp_path: Path) -> None:
    array = ramp(2, 64, 48)
    path = tmp_path / "p.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(array, subifds=2, tile=(16, 16), metadata={"axes": "CYX"}, compression="zlib")
        for step in (2, 4):
            writer.write(array[:, ::step, ::step], subfiletype=1, tile=(16, 16), compression="zlib")
    with open_image(path) as image:
        assert (image.axes, image.shape) == ("CYX", (2, 64, 48))
        assert image.level_shapes == ((64, 48), (32, 24), (16, 12))
        np.testing.assert_array_equal(image.plane(1), array[1])
        np.testing.assert_array_equal(image.plane(1, level=2), array[1, ::4, ::4])


def test_ome_tiff_with_channels_and_pixel_size(tmp_path: Path) -> None:
    array = ramp(2, 3, 4, 5)
    path = tmp_path / "Zellen µ 'x'.ome.tif"
    metadata = {
        "axes": "ZCYX",
        "Channel": {"Name": ["DAPI", "TBR2", ""]},
        "PhysicalSizeX": 325,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.65,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 0.002,
        "PhysicalSizeZUnit": "mm",
    }
    tifffile.imwrite(path, array, metadata=metadata)
    with open_image(path) as image:
        assert image.name == "Zellen µ 'x'"
        assert (image.axes, image.channels) == ("ZCYX", ("DAPI", "TBR2", "C3"))
        assert image.pixel_size == PixelSize(0.65, 0.325, 2.0)
        np.testing.assert_array_equal(image.plane("TBR2", z=1), array[1, 1])


# Sets of files


def write_set(folder: Path, *, uuids: bool = True, names: tuple[str, str] = ("a", "b")) -> Any:
    """An OME-TIFF set of two channels, a file each, both with the whole description."""
    array = ramp(2, 6, 7)
    ids = [f"urn:uuid:{uuid.uuid4()}" for _ in names]
    data = "".join(
        f'<TiffData FirstC="{i}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}.ome.tif">{ids[i]}</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    for i, name in enumerate(("a", "b")):
        own = f' UUID="{ids[i]}"' if uuids else ""
        text = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{own}>'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
            'SizeX="7" SizeY="6" SizeC="2" SizeZ="1" SizeT="1" PhysicalSizeX="0.5" '
            f'PhysicalSizeY="0.5"><Channel ID="C:0" Name="DAPI"/><Channel ID="C:1" Name="TBR2"/>'
            f"{data}</Pixels></Image></OME>"
        )
        tifffile.imwrite(folder / f"{name}.ome.tif", array[i], description=text, metadata=None)
    return array


@pytest.mark.parametrize("name", ["a.ome.tif", "b.ome.tif"])
@pytest.mark.parametrize("uuids", [True, False])
def test_any_file_of_a_set_opens_the_set(tmp_path: Path, name: str, uuids: bool) -> None:
    array = write_set(tmp_path, uuids=uuids)
    with open_image(tmp_path / name) as image:
        assert (image.axes, image.channels) == ("CYX", ("DAPI", "TBR2"))
        assert image.pixel_size == PixelSize(0.5, 0.5)
        for i in range(2):
            np.testing.assert_array_equal(image.plane(i), array[i])


def test_all_pixels_may_lie_in_another_file_of_the_set(tmp_path: Path) -> None:
    array = write_set(tmp_path)
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:c">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="7" '
        'SizeY="6" SizeC="1" SizeZ="1" SizeT="1"><TiffData IFD="0" PlaneCount="1">'
        '<UUID FileName="b.ome.tif">urn:uuid:b</UUID></TiffData></Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "c.ome.tif", 0 * array[0], description=text, metadata=None)
    with open_image(tmp_path / "c.ome.tif") as image:
        np.testing.assert_array_equal(image.plane(), array[1])


def test_of_an_incomplete_set_the_missing_plane_is_named(tmp_path: Path) -> None:
    array = write_set(tmp_path)
    (tmp_path / "b.ome.tif").unlink()
    with open_image(tmp_path / "a.ome.tif") as image:
        np.testing.assert_array_equal(image.plane("DAPI"), array[0])
        with pytest.raises(BadInputError, match=r"a file of its set is missing \(b\.ome\.tif\)"):
            image.plane("TBR2")


@pytest.mark.parametrize("master", ["set.companion.ome", "a.ome.tif"])
def test_a_file_that_is_described_in_another(tmp_path: Path, master: str) -> None:
    array = write_set(tmp_path)
    if master.endswith(".ome"):
        text = tifffile.tiffcomment(tmp_path / "a.ome.tif")
        (tmp_path / master).write_text(str(text).replace(' UUID="', ' Creator="', 1))
    pointer = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:x">'
        f'<BinaryOnly MetadataFile="{master}" UUID="urn:uuid:y"/></OME>'
    )
    path = tmp_path / "b.ome.tif"
    tifffile.imwrite(path, array[1], description=pointer, metadata=None)
    with open_image(path) as image:
        assert (image.axes, image.channels, image.name) == ("CYX", ("DAPI", "TBR2"), "b")
        for i in range(2):
            np.testing.assert_array_equal(image.plane(i), array[i])
    (tmp_path / master).unlink()
    with pytest.raises(BadInputError, match=r"is described in .* which is missing"):
        open_image(path)


@pytest.mark.parametrize(
    "outside", ["../x", "/etc/x", "C:\\x", "..\\x", "sub/../../x", "\\\\server\\share\\x"]
)
def test_a_set_that_leads_out_of_its_folder_is_refused(tmp_path: Path, outside: str) -> None:
    write_set(tmp_path, names=("a", outside))
    with pytest.raises(BadInputError, match="outside its own folder; export the file again"):
        open_image(tmp_path / "a.ome.tif")


def test_a_renamed_ome_tiff_is_still_itself(tmp_path: Path) -> None:
    for name in ("original", "renamed"):
        text = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="7" SizeY="6" '
            'SizeC="1" SizeZ="1" SizeT="1"><TiffData IFD="0" PlaneCount="1">'
            '<UUID FileName="original.ome.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>'
        )
        array = np.full((6, 7), len(name), np.uint16)
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", array, description=text, metadata=None)
    with open_image(tmp_path / "renamed.ome.tif") as image:
        assert image.plane()[0, 0] == len("renamed")


@pytest.mark.parametrize(
    ("size", "value"), [("SizeZ", "99999999999"), ("SizeC", "0"), ("SizeT", "many")]
)
def test_ome_sizes_that_no_microscope_makes_are_refused(
    tmp_path: Path, size: str, value: str
) -> None:
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="7" SizeY="6" '
        'SizeC="1" SizeZ="1" SizeT="1"><TiffData/></Pixels></Image></OME>'
    ).replace(f'{size}="1"', f'{size}="{value}"')
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, ramp(6, 7), description=text, metadata=None)
    with pytest.raises(BadInputError, match="impossible sizes"):
        open_image(path)


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "b">]><OME>&a;</OME>'
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, ramp(6, 7), description=text, metadata=None)
    with pytest.raises(BadInputError, match="XML entities"):
        open_image(path)


# Several images in a file


def test_of_several_scenes_one_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "scenes.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        for i in range(3):
            writer.write(np.full((8, 9), i, np.uint8), metadata={"Name": f"Scene {i}"})
    with pytest.raises(BadInputError, match=r"holds 3 images; choose one as in .*#0: .*Scene 2"):
        open_image(path)
    for dataset in ("1", "Scene 1"):
        with open_image(path, dataset=dataset) as image:
            assert image.plane()[0, 0] == 1
    with pytest.raises(BadInputError, match="has no image '3'; choose one as in"):
        open_image(path, dataset="3")


def test_label_and_thumbnail_beside_the_image_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(ramp(100, 100), metadata={"Name": "slide"})
        writer.write(ramp(90, 90), metadata={"Name": "label image"})
        writer.write(ramp(10, 10), metadata={"Name": "x"})
    with caplog.at_level(logging.INFO, "bridge"), open_image(path) as image:
        assert image.shape == (100, 100)
    assert "left out 2 smaller ones" in caplog.text


def test_a_reduced_copy_is_no_second_image(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(ramp(100, 100), metadata=None)
        writer.write(ramp(60, 73), subfiletype=1, metadata=None)  # no step of a pyramid
    with open_image(path) as image:
        assert image.shape == (100, 100)


# Axes and channels


def test_a_stack_that_says_nothing_needs_axes(tmp_path: Path) -> None:
    array = ramp(4, 8, 9)
    path = tmp_path / "NAME.tif"
    tifffile.imwrite(path, array, photometric="minisblack")
    with pytest.raises(BadInputError) as error:
        open_image(path)
    assert str(error.value) == (
        f"{path}: has 4 × 8 × 9 values but nothing says what the first axis is; "
        "give --axes CYX (channels) or --axes ZYX (slices)"
    )
    with open_image(path, axes="cyx") as image:
        assert image.channels == ("C1", "C2", "C3", "C4")
        np.testing.assert_array_equal(image.plane("2"), array[2])
    with open_image(path, axes="YXZ") as image:
        np.testing.assert_array_equal(image.plane(z=5), array[:, :, 5])
    with pytest.raises(BadInputError, match="axes YX do not fit"):
        open_image(path, axes="YX")


def test_given_axes_override_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    array = ramp(3, 8, 9)
    tifffile.imwrite(path, array, imagej=True, metadata={"axes": "ZYX"})
    with open_image(path, axes="CYX") as image:
        assert image.axes == "CYX"
        np.testing.assert_array_equal(image.plane(2), array[2])


@pytest.mark.parametrize(
    ("labels", "channels"),
    [
        (["DAPI", "TBR2"] * 2, ("DAPI", "TBR2")),
        (["c:1/2 z:1/2 - DAPI", "c:2/2 z:1/2 - TBR2", "c:1/2 z:2/2 - DAPI", "c:2/2 z:2/2 - TBR2"],
         ("DAPI", "TBR2")),
        (["a.czi", "a.czi"] * 2, ("C1", "C2")),
        (["z1", "z2", "z3", "z4"], ("C1", "C2")),
    ],
)  # fmt: skip
def test_imagej_labels_are_channel_names_where_they_name_channels(
    tmp_path: Path, labels: list[str], channels: tuple[str, ...]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, ramp(2, 2, 8, 9), imagej=True, metadata={"axes": "ZCYX", "Labels": labels}
    )
    with open_image(path) as image:
        assert image.channels == channels


# Pixel size


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [
        ((2.0, 4.0), "micron", PixelSize(0.25, 0.5, 3.0)),
        ((2.0, 4.0), "\\u00B5m", PixelSize(0.25, 0.5, 3.0)),
        ((0.002, 0.002), "nm", PixelSize(0.5, 0.5, 0.003)),
        ((2000.0, 2000.0), "mm", PixelSize(0.5, 0.5, 3000.0)),
        ((1.0, 1.0), "micron", PixelSize(1.0, 1.0, 3.0)),
        ((72.0, 72.0), "inch", None),
        ((2.0, 2.0), "pixel", None),
        (None, None, None),
    ],
)
def test_pixel_size_of_imagej(
    tmp_path: Path,
    resolution: tuple[float, float] | None,
    unit: str | None,
    size: PixelSize | None,
) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "spacing": 3.0} | ({"unit": unit} if unit else {})
    tifffile.imwrite(path, ramp(2, 8, 9), imagej=True, resolution=resolution, metadata=metadata)
    with open_image(path) as image:
        if size is None:
            assert image.pixel_size is None
            return
        assert image.pixel_size is not None
        assert image.pixel_size.y == pytest.approx(size.y)
        assert image.pixel_size.x == pytest.approx(size.x)
        assert image.pixel_size.z == pytest.approx(size.z)


@pytest.mark.parametrize(
    ("resolution", "unit", "x"),
    [
        ((20_000, 20_000), "CENTIMETER", 0.5),
        ((50_800, 50_800), "INCH", 0.5),
        ((1, 1), "NONE", None),
        ((1, 1), "CENTIMETER", None),
        ((2, 2), "NONE", None),
        ((72, 72), "INCH", None),
        ((96, 96), "INCH", None),
        ((300, 300), "INCH", None),
        ((4800, 4800), "INCH", None),
        ((118.11, 118.11), "CENTIMETER", None),
        ((0, 0), "CENTIMETER", None),
    ],
)
def test_pixel_size_of_a_plain_tiff(
    tmp_path: Path, resolution: tuple[float, float], unit: str, x: float | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(8, 9), resolution=resolution, resolutionunit=unit)
    with open_image(path) as image:
        if x is None:
            assert image.pixel_size is None
        else:
            assert image.pixel_size is not None
            assert image.pixel_size.x == pytest.approx(x)
    with open_image(path, pixel_size=0.3) as image:
        assert image.pixel_size == PixelSize(0.3, 0.3)


@pytest.mark.parametrize(
    ("value", "unit"), [("0.5", "pixel"), ("0", "µm"), ("-1", "µm"), ("inf", "µm"), ("x", "µm")]
)
def test_ome_sizes_that_are_no_sizes_are_unknown(tmp_path: Path, value: str, unit: str) -> None:
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="9" SizeY="8" '
        f'SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="{value}" PhysicalSizeXUnit="{unit}" '
        f'PhysicalSizeY="{value}" PhysicalSizeYUnit="{unit}"><TiffData/></Pixels></Image></OME>'
    )
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, ramp(8, 9), description=text.encode(), metadata=None)
    with open_image(path) as image:
        assert image.pixel_size is None


# Only one plane is read


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["pages", "separate"])
def test_of_four_channels_only_one_is_loaded(
    tmp_path: Path, compression: str | None, planar: str
) -> None:
    array = np.random.default_rng(0).integers(0, 4, (4, 1024, 1024), np.uint16)
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"planarconfig": "separate"} if planar == "separate" else {}
    tifffile.imwrite(
        path,
        array,
        metadata={"axes": "CYX"},
        photometric="minisblack",
        compression=compression,
        rowsperstrip=64,
        **options,
    )
    with open_image(path) as image:
        assert image.axes == "CYX"
        image.plane(0)  # libraries are loaded
        tracemalloc.start()
        try:
            plane = image.plane(2)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    np.testing.assert_array_equal(plane, array[2])
    # The plane and its compressed data, which is small here.
    assert peak < 1.8 * plane.nbytes


@pytest.mark.parametrize("planar", ["pages", "separate"])
def test_damage_in_one_channel_leaves_the_others_readable(tmp_path: Path, planar: str) -> None:
    array = ramp(4, 64, 64)
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"planarconfig": "separate"} if planar == "separate" else {}
    tifffile.imwrite(
        path,
        array,
        metadata={"axes": "CYX"},
        photometric="minisblack",
        compression="zlib",
        tile=(32, 32),
        **options,
    )
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[1 if planar == "pages" else 0]
        at = page.dataoffsets[0 if planar == "pages" else 4]
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"\xff" * 20)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.plane(0), array[0])
        np.testing.assert_array_equal(image.plane(2), array[2])
        with pytest.raises(BadInputError, match="pixel data is damaged or cut short"):
            image.plane(1)


def test_a_colour_of_interleaved_pixels_takes_no_more_memory_than_itself(tmp_path: Path) -> None:
    array = np.zeros((1024, 1024, 3), np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, photometric="rgb")
    with open_image(path) as image:
        image.plane("R")
        tracemalloc.start()
        try:
            plane = image.plane("G")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1.5 * plane.nbytes


# Damaged files


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 8},
        {"tile": (16, 16)},
        {"compression": "zlib"},
        {"compression": "lzw", "tile": (16, 16)},
        {"compression": "packbits", "rowsperstrip": 8},
        {"predictor": True, "compression": "zlib"},
    ],
)
def test_missing_pixel_data_raises_and_is_never_zero(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    array = np.random.default_rng(0).integers(1, 255, (64, 64), np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, **options)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
    content = path.read_bytes()
    for lost in (1, 200):
        path.write_bytes(content[: end - lost])
        with pytest.raises(BadInputError, match="cut short"):
            open_image(path)


@pytest.mark.parametrize("kind", ["imagej", "ome", "shaped", "plain"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_stack_that_is_cut_anywhere_gives_only_true_planes(
    tmp_path: Path, kind: str, compression: str | None
) -> None:
    array = np.random.default_rng(0).integers(1, 255, (4, 32, 40), np.uint16)
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"metadata": {"axes": "CYX"}} | (
        {kind: True} if kind in ("imagej", "ome") else {}
    )
    if kind == "plain":
        options["metadata"] = None
    tifffile.imwrite(path, array, photometric="minisblack", compression=compression, **options)
    content = path.read_bytes()
    refused = 0
    for length in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:length])
        try:
            with open_image(path, axes="CYX") as image:
                assert image.shape == array.shape
                for i in range(4):
                    np.testing.assert_array_equal(image.plane(i), array[i])
        except BadInputError:
            refused += 1
    assert refused >= 40


def test_a_file_cut_in_its_pixels_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(64, 64))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadInputError) as error:
        open_image(path)
    assert str(error.value).startswith(f"{path}: is cut short: 1000 of ")
    assert str(error.value).endswith(" bytes are missing; copy or export the file again")


def test_tiles_that_were_never_written_raise(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(64, 64), tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+") as file:
        counts = file.pages.first.tags["TileByteCounts"]
        counts.overwrite([0, *list(counts.value)[1:]])
    with pytest.raises(BadInputError, match="was never written"):
        open_image(path)


@pytest.mark.parametrize("length", [4, 8, 20, 100])
def test_a_cut_header_is_no_tiff(
    tmp_path: Path, length: int, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(64, 64), metadata={"axes": "YX"})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadInputError, match=r"damaged|cut short"), open_image(path) as image:
        image.plane()
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_header_with_absurd_sizes_is_an_error_not_a_crash(
    tmp_path: Path, compression: str | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(64, 64), compression=compression, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages.first.tags[tag].overwrite(10**9, dtype="I")
    with pytest.raises(BadInputError, match="is cut short|do not come from the 7,065"):
        open_image(path)
    with tifffile.TiffFile(path, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages.first.tags[tag].overwrite(10**6, dtype="I")
    with (
        pytest.raises(
            BadInputError, match=r"cut short|damaged|more than fits in memory|do not come from"
        ),
        open_image(path) as image,
    ):
        image.plane()


@pytest.mark.filterwarnings("ignore:.*zero-size")
def test_an_image_without_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((0, 5), np.uint8))
    with pytest.raises(BadInputError, match="holds no pixels; save the image again"):
        open_image(path)


def test_complex_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((5, 5), np.complex64))
    with pytest.raises(BadInputError, match="holds complex numbers, not grey values"):
        open_image(path)


def test_printing_colours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8, 4), np.uint8), photometric="separated")
    with pytest.raises(BadInputError, match="stores SEPARATED colours; save it as an RGB"):
        open_image(path)


def test_one_pixel_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "-1.TIF"
    tifffile.imwrite(path, np.array([[7]], np.uint8))
    with open_image(path) as image:
        assert (image.axes, image.shape, image.name) == ("YX", (1, 1), "-1")
        assert image.plane().tolist() == [[7]]


def test_remarks_of_tifffile_do_not_reach_the_screen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_set(tmp_path)
    (tmp_path / "b.ome.tif").unlink()
    with caplog.at_level(logging.INFO, "bridge"), open_image(tmp_path / "a.ome.tif") as image:
        image.plane(0)
    assert caplog.records == []
