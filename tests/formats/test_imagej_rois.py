"""RoiSets of other programs, and files that are none."""

from __future__ import annotations

import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import shapely
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections, ImageInfo
from bridge.errors import BadInputError
from bridge.formats import imagej_rois
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from tests.objects import assert_same, reviewed


def test_stardists_own_rois_are_read_where_stardist_sees_them(tmp_path: Path) -> None:
    utils, geometry = (
        pytest.importorskip("stardist.utils"),
        pytest.importorskip("stardist.geometry"),
    )
    rng = np.random.default_rng(0)
    dist, points = rng.uniform(3, 9, (20, 32)), rng.integers(10, 90, (20, 2))
    coord = geometry.dist_to_coord(dist, points)

    utils.export_imagej_rois(str(tmp_path / "stardist.zip"), [coord])
    found = Detections.read(tmp_path / "stardist.zip")

    assert found.objects["label"].tolist() == list(range(1, 21))
    for polygon, (y, x) in zip(found.objects.geometry, coord, strict=True):
        xy = shapely.get_coordinates(polygon)[:-1]
        assert np.abs(xy - np.stack([x, y], axis=1) - 0.5).max() < 1e-3


def test_roifiles_rois_are_read(tmp_path: Path) -> None:
    path = tmp_path / "roifile.zip"
    triangle = [[1.5, 2.0], [9.0, 2.5], [4.0, 8.0]]
    roifile.roiwrite(path, [roifile.ImagejRoi.frompoints(triangle, name="mine", z=2)], mode="w")

    found = Detections.read(path).objects.iloc[0]

    assert found["name"] == "mine"
    assert found["z"] == 2
    assert np.allclose(shapely.get_coordinates(found.geometry)[:-1], triangle, atol=1e-7)


def test_names_are_unique_and_safe_as_file_names(tmp_path: Path) -> None:
    objects = reviewed()
    objects.objects["name"] = ["same", "same", "../../etc/passwd", "CON:\\x", "", " . "]
    objects.write(tmp_path / "rois.zip")

    with zipfile.ZipFile(tmp_path / "rois.zip") as archive:
        names = archive.namelist()

    assert len(set(names)) == 6
    assert not any(set(name) & set('/\\:*?"<>|') or name.startswith(".") for name in names)
    assert Detections.read(tmp_path / "rois.zip").objects["name"].tolist() == (
        objects.objects["name"].tolist()
    )


def test_a_renamed_recoloured_or_copied_roi_keeps_the_reviewers_edit(tmp_path: Path) -> None:
    labels = np.zeros((9, 9), np.uint16)
    labels[1:4, 1:4], labels[5:8, 5:8] = 1, 2
    original = Detections.from_labels(labels)
    original.write(tmp_path / "rois.zip")
    rois: Any = roifile.ImagejRoi.fromfile(tmp_path / "rois.zip")
    rois[0].name = "doubtful"
    rois[1].stroke_color = b"\xff\x00\xff\x00"
    copy = roifile.ImagejRoi.frombytes(rois[1].tobytes())
    copy.name = "0002-1"
    roifile.roiwrite(tmp_path / "reviewed.zip", [*rois, copy], mode="w")

    found = Detections.read(tmp_path / "reviewed.zip")

    assert found.ids[:2] == original.ids
    assert found.ids[2] not in original.ids
    assert found.objects["name"].tolist() == ["doubtful", None, "0002-1"]
    assert found.objects["color"].tolist()[1] == "#00ff00"
    assert found.objects["label"].tolist() == [1, 2, 3]


def test_coordinates_beyond_16_bits_do_not_overflow(tmp_path: Path) -> None:
    box = shapely.box(40_000, 50_000, 40_010, 50_020)
    Detections.from_polygons([box]).write(tmp_path / "far.zip")

    assert Detections.read(tmp_path / "far.zip").objects.geometry.iloc[0].equals(box)


def test_an_outline_of_more_points_than_a_roi_holds_is_kept(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 70_000, endpoint=False)
    circle = shapely.Polygon(500 + 400 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    Detections.from_polygons([circle]).write(tmp_path / "fine.zip")

    found = Detections.read(tmp_path / "fine.zip").objects.geometry.iloc[0]

    assert len(found.exterior.coords) > 65_535
    assert found.area == pytest.approx(circle.area, rel=1e-4)


def test_a_single_roi_file_holds_one_object(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "one.roi")

    assert Detections.read(tmp_path / "one.roi").ids == square.ids
    with pytest.raises(BadInputError, match=r"holds one object, not 6; use \.zip"):
        reviewed().write(tmp_path / "many.roi")


def test_lines_and_points_are_left_out_by_name(
    tmp_path: Path, square: Detections, caplog: pytest.LogCaptureFixture
) -> None:
    square.write(tmp_path / "rois.zip")
    line = roifile.ImagejRoi(roitype=roifile.ROI_TYPE.LINE, name="diameter", x2=5.0)
    with zipfile.ZipFile(tmp_path / "rois.zip", "a") as archive:
        archive.writestr("diameter.roi", line.tobytes())

    with caplog.at_level(logging.WARNING, "bridge"):
        found = Detections.read(tmp_path / "rois.zip")

    assert len(found) == 1
    assert "diameter" in caplog.text


def zipped(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"this is no zip", "is not a readable zip"),
        (zipped(**{"readme.txt": b"hello"}), "holds no ImageJ ROIs"),
        (zipped(**{"a.roi": b"Iout, but short"}), "its ROI a.roi is damaged"),
        (zipped(**{"a.roi": b"NOPE" + bytes(100)}), "its ROI a.roi is damaged"),
        (zipped(**{"a.roi": bytes(4000)})[:200], "is not a readable zip"),
    ],
)
def test_what_is_no_roiset_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rois.zip"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=message) as failed:
        Detections.read(path)
    assert str(failed.value).startswith(str(path))
    assert "\n" not in str(failed.value)


@given(data=st.data())
def test_a_damaged_roiset_is_refused_in_one_line_or_read(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "rois.zip"
    reviewed().write(path)
    content = bytearray(path.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(places) :]
    path.write_bytes(content)

    said = f"{path}: "
    try:
        Detections.read(path)
    except BadInputError as error:
        said = str(error)

    assert said.startswith(str(path))
    assert "\n" not in said


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"roitype": roifile.ROI_TYPE.NOROI}, "its type 6 is unknown"),
        ({"shape_roi_size": 3, "multi_coordinates": np.array([9, 1, 1])}, "a segment of type 9"),
        ({"shape_roi_size": 3, "multi_coordinates": np.array([0, np.nan, 1])}, "no numbers"),
        (
            {"options": roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION, "widthd": 3e9, "heightd": 1},
            "larger than any image",
        ),
    ],
)
def test_a_roi_that_imagej_does_not_open_is_refused_by_file_and_name(
    tmp_path: Path, damage: dict[str, Any], message: str
) -> None:
    roi = roifile.ImagejRoi(**{"roitype": roifile.ROI_TYPE.RECT, "right": 5, "bottom": 5, **damage})
    path = tmp_path / "rois.zip"
    path.write_bytes(zipped(**{"0007.roi": roi.tobytes()}))

    with pytest.raises(BadInputError, match=f"its ROI 0007 is damaged .*{message}") as failed:
        Detections.read(path)
    assert str(failed.value).startswith(str(path))


def test_a_polygon_with_slanted_edges_is_saved_as_it_was_opened(tmp_path: Path) -> None:
    triangle = [[2, 1], [12, 11], [2, 11]]  # its long side goes through the centres of pixels
    roi = roifile.ImagejRoi.frompoints(triangle, name="a")
    (tmp_path / "a.roi").write_bytes(roi.tobytes())

    Detections.read(tmp_path / "a.roi").write(tmp_path / "b.roi")

    again = roifile.ImagejRoi.fromfile(tmp_path / "b.roi")
    assert not isinstance(again, list)
    assert not again.subpixelresolution
    assert np.array_equal(again.coordinates(), triangle)


def test_an_entry_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", bytes(300 * 2**20))

    with pytest.raises(BadInputError, match="do not trust this file"):
        Detections.read(path)


def test_a_foreign_zip_comment_is_passed_over(tmp_path: Path, square: Detections) -> None:
    path = tmp_path / "rois.zip"
    for comment in (
        b"made by me",
        b'{"starbridge": 5}',
        b'{"starbridge": {"image": [1]}}',
        b"\xff",
    ):
        square.write(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = comment
        found: Any = Detections.read(path)
        assert found.ids == square.ids


def classified(*names: str | None) -> Detections:
    """Squares with these classes, in the colours of their classes."""
    boxes = [shapely.box(10 * row, 0, 10 * row + 5, 5) for row in range(len(names))]
    colors = {"a": "#c80000", "b": "#00c800"}
    return Detections.from_polygons(
        boxes,
        columns={"class": list(names), "class_color": [colors.get(n or "") for n in names]},
    )


def test_rois_are_called_by_label_and_class(tmp_path: Path) -> None:
    objects = classified("a", None, "CD3+: T cell")
    objects.write(tmp_path / "rois.zip")

    with zipfile.ZipFile(tmp_path / "rois.zip") as archive:
        assert archive.namelist() == ["0001-a.roi", "0002.roi", "0003-CD3+_ T cell.roi"]
    assert Detections.read(tmp_path / "rois.zip").objects["class"].tolist() == (
        objects.objects["class"].tolist()
    )


@pytest.mark.parametrize(
    ("renamed", "class_name", "name"),
    [
        ("0001-b", "b", None),
        ("0001-Zelle µ", "Zelle µ", None),
        ("1-b", "b", None),
        ("0001-a-1", "a", None),  # ImageJ's own number for a name that is there already
        ("0003-b", "a", "0003-b"),
        ("look again", "a", "look again"),
        ("0001", "a", "0001"),
    ],
)
def test_a_reviewer_changes_the_class_behind_the_label(
    tmp_path: Path, renamed: str, class_name: str, name: str | None
) -> None:
    classified("a", "b").write(tmp_path / "rois.zip")
    rois: Any = roifile.ImagejRoi.fromfile(tmp_path / "rois.zip")
    rois[0].name = renamed
    roifile.roiwrite(tmp_path / "reviewed.zip", rois, mode="w")

    row = Detections.read(tmp_path / "reviewed.zip").objects.iloc[0]

    assert (row["class"], row["name"]) == (class_name, name)


def test_a_reviewer_changes_the_class_by_another_group(tmp_path: Path) -> None:
    imagej_rois.write(classified("a", "b", None, "b"), tmp_path / "rois.zip", groups=True)
    rois: Any = roifile.ImagejRoi.fromfile(tmp_path / "rois.zip")
    assert [roi.group for roi in rois] == [1, 2, 0, 2]
    group_color = b"\xff\x12\x34\x56"
    for row, group in ((0, 2), (2, 1), (3, 9)):
        rois[row].group, rois[row].stroke_color = group, group_color
    rois[1].group = 0
    rois[1].stroke_color = b"\x00\x00\x00\x00"
    drawn = roifile.ImagejRoi.frompoints(np.array([[50, 1], [59, 1], [59, 9], [50, 9]]))
    drawn.group, drawn.name = 1, "new"
    roifile.roiwrite(tmp_path / "reviewed.zip", [*rois, drawn], mode="w")

    found = Detections.read(tmp_path / "reviewed.zip").objects

    # group 2 was b's, but nobody is left in it who was pushed there
    assert found["class"].tolist() == ["group 2", None, "group 1", "group 9", "group 1"]
    named = imagej_rois.read(tmp_path / "reviewed.zip", groups={1: "a", 2: "b"}).objects
    assert named["class"].tolist() == ["b", None, "a", "group 9", "a"]
    assert named["color"].tolist() == [None] * 5


def test_a_group_without_a_name_is_the_class_of_those_who_were_pushed_into_it(
    tmp_path: Path,
) -> None:
    imagej_rois.write(classified("a", "b", "b"), tmp_path / "rois.zip", groups=True)
    rois: Any = roifile.ImagejRoi.fromfile(tmp_path / "rois.zip")
    rois[0].group = 2
    roifile.roiwrite(tmp_path / "reviewed.zip", rois, mode="w")

    found = Detections.read(tmp_path / "reviewed.zip").objects

    assert found["class"].tolist() == ["b", "b", "b"]
    assert found["class_color"].tolist() == ["#00c800"] * 3


def test_groups_change_nothing_if_nobody_changes_them(tmp_path: Path) -> None:
    objects = reviewed()
    imagej_rois.write(objects, tmp_path / "rois.zip", groups=True)

    assert_same(Detections.read(tmp_path / "rois.zip"), objects)


def test_more_classes_than_groups_keep_their_names(tmp_path: Path) -> None:
    objects = classified(*(f"class {number:03d}" for number in range(300)))
    imagej_rois.write(objects, tmp_path / "rois.zip", groups=True)

    assert_same(Detections.read(tmp_path / "rois.zip"), objects)


def test_the_overlay_of_a_tiff_is_read(tmp_path: Path) -> None:
    objects = reviewed()
    image = from_array(np.zeros((9, 9), np.uint8))
    write_hyperstack(image, tmp_path / "x.tif", overlay=imagej_rois.encode(objects))

    assert_same(imagej_rois.read_overlay(tmp_path / "x.tif"), objects, image=False)


def test_a_tiff_that_imagej_did_not_save_has_no_overlay(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((9, 9), np.uint8))
    (tmp_path / "y.tif").write_bytes(b"no image")
    (tmp_path / "z.tif").write_bytes(b"II*\0")

    with pytest.raises(BadInputError, match=r"x\.tif: was not saved by ImageJ"):
        imagej_rois.read_overlay(tmp_path / "x.tif")
    for damaged in "yz":
        with pytest.raises(BadInputError, match=rf"{damaged}\.tif: is no readable TIFF"):
            imagej_rois.read_overlay(tmp_path / f"{damaged}.tif")


@given(
    channels=st.integers(1, 4), size_z=st.integers(1, 5), size_t=st.integers(1, 5), data=st.data()
)
def test_every_plane_of_a_stack_is_meant_by_one_position(
    channels: int, size_z: int, size_t: int, data: st.DataObject
) -> None:
    image = ImageInfo(channels=("x",) * channels, size_z=size_z, size_t=size_t)
    c, z, t = (data.draw(st.integers(0, n - 1)) for n in (channels, size_z, size_t))
    position = 1 + c + channels * (z + size_z * t)  # ImageJ's getStackIndex

    found = imagej_rois.plane_of(position, image)

    assert found == (c if channels > 1 else -1, z, t)


def test_a_position_beyond_the_image_is_kept_as_a_slice() -> None:
    assert imagej_rois.plane_of(7, ImageInfo(channels=("a", "b"), size_z=3)) == (-1, 6, 0)


def test_the_image_in_the_files_own_comment_explains_its_positions(tmp_path: Path) -> None:
    image = ImageInfo(name="a", width=40, height=30, channels=("DAPI", "488", "555"))
    path = tmp_path / "rois.zip"
    Detections.from_labels(np.eye(30, 40, dtype=np.uint8), image=image).write(path)
    roi = roifile.ImagejRoi.frompoints([[2, 2], [9, 2], [9, 9], [2, 9]], name="0003-0005-0005")
    roi.position = 3
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("0003-0005-0005.roi", roi.tobytes())

    found = Detections.read(path)

    assert found.objects["z"].tolist() == [0, 0]
    assert found.objects["c"].tolist() == [-1, 2]
    assert found.to_labels().shape == (30, 40)


def test_a_zip_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.roi", bytes(4 * 2**20))

    with pytest.raises(BadInputError, match="unpacks to far more than an honest file"):
        Detections.read(tmp_path / "bomb.zip")


@pytest.mark.parametrize("nucleus", ["POLYGON ((0 0, 1e300 1, 5 5, 0 0))", "POINT (1 1)", "x"])
def test_a_nucleus_that_is_none_is_left_out_or_said(tmp_path: Path, nucleus: str) -> None:
    roi = roifile.ImagejRoi.frompoints(np.array([[0, 0], [9, 0], [9, 9]], np.float32))
    roi.props = f"starbridge.id: x\nstarbridge.nucleus: {nucleus.replace(' ', '%20')}\n"
    (tmp_path / "a.roi").write_bytes(roi.tobytes())

    if "1e300" in nucleus:
        with pytest.raises(BadInputError, match="has coordinates that are no pixels"):
            Detections.read(tmp_path / "a.roi")
    else:
        assert Detections.read(tmp_path / "a.roi").objects["nucleus"].tolist() == [None]
