"""Objects pushed into ImageJ, reviewed there and pulled back; ImageJ's own measurements of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.fiji import Fiji, FijiError
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.review import compare
from tests.objects import assert_same

pytestmark = [pytest.mark.imagej, pytest.mark.network]


def grid(classes: tuple[str | None, ...] = ("neuron", "glia", None)) -> Detections:
    """Twelve rectangles of 40 x 30 px in an image of 220 x 200 px, with classes in turn."""
    labels = np.zeros((200, 220), np.uint16)
    for number in range(12):
        y, x = 10 + number % 4 * 45, 10 + number // 4 * 65
        labels[y : y + 30, x : x + 40] = number + 1
    detections = Detections.from_labels(labels, image=ImageInfo(name="grid"))
    objects = detections.objects
    objects["class"] = [classes[row % len(classes)] for row in range(12)]
    objects["class_color"] = [
        {"neuron": "#c80000", "glia": "#00c800"}.get(c or "") for c in objects["class"]
    ]
    objects["prob"] = np.linspace(0.5, 1, 12)
    objects["DAPI: Mean"] = np.arange(12) + 0.5
    return Detections(objects, detections.image)


def picture(detections: Detections) -> Any:
    labels = detections.to_labels()
    return from_array(
        np.stack([labels * 20, labels[::-1]]).astype(np.uint16),
        axes="CYX",
        channels=("DAPI", "488"),
        pixel_size=0.5,
        name="grid",
    )


def crowd() -> Detections:
    """Every kind of outline, in every plane, beyond 16-bit coordinates too."""
    return Detections.from_polygons(
        [
            shapely.Polygon([(1.25, 2), (6.5, 2.125), (5, 7.75)]),
            shapely.box(10, 10, 20, 20).difference(shapely.box(13, 13, 15, 15)),
            shapely.MultiPolygon([shapely.box(30, 1, 33, 4), shapely.box(35, 1, 38, 4)]),
            shapely.box(40_000, 20, 40_010, 30),
            shapely.Polygon([(40_020.25, 20), (40_031, 22.5), (40_025.75, 33)]),
        ],
        columns={
            "label": [3, 7, 8, 9, 11],
            "class": ["Tumor", "CD3+: T cell", None, "µ/核", "Tumor"],
            "class_color": ["#c80000", "#010203", None, "#fefefe", "#c80000"],
            "name": [None, "my nucleus", None, None, "4 b"],
            "prob": [0.875, np.nan, 0.5, 0.25, 1.0],
            "c": [-1, 0, 1, -1, 1],
            "z": [0, 1, 0, 2, 1],
            "t": [0, 0, 1, 1, 0],
            "Mean 1": [1.5, np.nan, -4.0, 1e-9, 1e12],
        },
        image=ImageInfo(
            width=40_100, height=40, size_z=3, size_t=2, pixel_size=PixelSize(0.5, 0.5)
        ),
    )


def test_everything_comes_back_as_it_was_pushed(fiji: Fiji) -> None:
    objects = crowd()
    image = from_array(
        np.zeros((2, 3, 2, 40, 40_100), np.uint8),
        axes="TZCYX",
        pixel_size=(1.5, 0.5, 0.5),
        name="stack",
    )

    shown = fiji.push(image, objects)
    found = fiji.pull(shown.image)

    assert shown.count == 5
    assert_same(found, objects, image=False)
    assert (found.image.width, found.image.size_z, found.image.size_t) == (40_100, 3, 2)


def test_the_image_has_its_pixels_calibration_and_channel_names(fiji: Fiji) -> None:
    objects = grid()
    image = picture(objects)

    shown = fiji.push(image, objects).image
    back = fiji.image(shown)

    assert (shown.title, shown.channels, shown.bits) == ("grid", 2, 16)
    assert shown.unit in ("um", "µm")
    assert shown.pixel_size[:2] == (0.5, 0.5)
    assert back.channels == ("DAPI", "488")
    assert back.pixel_size == PixelSize(0.5, 0.5)
    for channel in range(2):
        assert np.array_equal(back.plane(channel), image.plane(channel))


@pytest.mark.parametrize(
    ("dimensions", "plane"),
    [("3, 1, 1", (2, 0, 0)), ("1, 3, 1", (-1, 2, 0)), ("1, 1, 3", (-1, 0, 2))],
)
def test_an_object_lies_on_the_channel_slice_or_frame_on_which_it_was_added(
    fiji: Fiji, dimensions: str, plane: tuple[int, int, int]
) -> None:
    result = fiji.run_macro(
        f"""
        newImage("stack", "8-bit black", 40, 30, 3);
        Stack.setDimensions({dimensions});
        setSlice(3);
        makeRectangle(4, 5, 10, 12);
        Roi.setPosition(3);
        {'roiManager("add");' if fiji.mode == "gui" else "Overlay.addSelection;"}
        """
    )
    pulled, of_macro = fiji.pull(result.images[0]), result.rois

    for found in (pulled, of_macro):
        assert found.objects[["c", "z", "t"]].to_numpy().tolist() == [list(plane)]
        assert found.image.channels == ()


def test_rois_are_named_by_label_and_class_and_coloured_by_class(window: Fiji) -> None:
    shown = window.push(picture(grid()), grid()).image

    seen = window.run_macro(
        "result = '';\n"
        "for (i = 0; i < 3; i++) {\n"
        "  roiManager('select', i);\n"
        "  result += Roi.getName + ' ' + Roi.getGroup + ';';\n"
        "}\n"
        "roiManager('deselect');\n"
        "return result + Roi.getGroupNames;"
    )

    assert seen.value == "0001-neuron 2;0002-glia 1;0003 0;glia,neuron"
    colors = window.pull(shown).objects["class_color"].tolist()
    assert colors[:3] == ["#c80000", "#00c800", None]


def test_a_reviewers_work_comes_back(window: Fiji, pictures: Path | None) -> None:
    objects = grid()
    window.push(picture(objects), objects)
    window.run_macro(
        """
        roiManager("select", 0); Roi.setGroup(1); roiManager("update");
        roiManager("select", 1); roiManager("rename", "0002-dead");
        roiManager("select", 2); roiManager("rename", "look again");
        roiManager("select", 3); roiManager("delete");
        roiManager("select", 3); makeRectangle(70, 12, 30, 20); roiManager("update");
        roiManager("deselect");
        makeOval(180, 150, 30, 40); roiManager("add");
        makeLine(1, 1, 9, 9); roiManager("add");
        roiManager("show all without labels");
        """
    )
    if pictures is not None:
        window.screenshot(pictures / "fiji_review.png")

    found = window.pull()
    changes = compare(objects, found)

    table = changes.table().set_index("id")
    # ImageJ may give a ROI that a macro selects the colour of the group that it had before
    table = table[table["what"] != "recoloured"]
    ids = objects.ids
    assert list(table.loc[ids[0], ["what", "before", "after"]]) == [
        "reclassified", "neuron", "glia"
    ]  # fmt: skip
    assert table.loc[ids[1], "after"] == "dead"
    assert list(table.loc[ids[2], ["what", "after"]]) == ["renamed", "look again"]
    assert table.loc[ids[3], "what"] == "deleted"
    assert table.loc[ids[4], "what"] == "reshaped"
    assert table["what"].value_counts().to_dict() == {
        "added": 1, "deleted": 1, "reshaped": 1, "reclassified": 2, "renamed": 1,
    }  # fmt: skip
    (new,) = set(found.ids) - set(ids)
    assert found.objects.loc[new].geometry.area == pytest.approx(np.pi * 15 * 20, rel=0.01)


def test_a_second_segmentation_keeps_every_edit(fiji: Fiji) -> None:
    objects = grid()
    shown = fiji.push(picture(objects), objects).image
    # the overlay is what a macro can edit in both kinds of ImageJ
    if fiji.mode == "gui":
        fiji.run_macro(
            'roiManager("select", 3); roiManager("delete");\n'
            'roiManager("select", 0); roiManager("rename", "0001-dead"); roiManager("deselect");'
        )
    else:
        fiji.run_macro("Overlay.removeSelection(3);")
    again = Detections.from_labels(
        np.roll(objects.to_labels(), 1, axis=1), image=ImageInfo(name="grid")
    )

    second = fiji.push(shown, again)
    found = fiji.pull(shown)

    assert second.merged is not None
    assert len(found) == 11
    assert objects.ids[3] not in found.ids
    assert set(found.ids) == set(objects.ids) - {objects.ids[3]}
    if fiji.mode == "gui":
        assert found.objects.loc[objects.ids[0], "class"] == "dead"
    assert found.objects.loc[objects.ids[5]].geometry.bounds[0] == (
        objects.objects.loc[objects.ids[5]].geometry.bounds[0] + 1
    )

    third = fiji.push(shown, again)
    assert_same(fiji.pull(shown), found)
    assert third.merged is not None
    assert third.merged.review.counts()["untouched"] == 11


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_imagej_measures_what_numpy_does(
    fiji: Fiji, haug2_mask_path: Path, dtype: type[np.generic]
) -> None:
    labels: NDArray[Any] = Detections.read(haug2_mask_path).to_labels()[300:620, 400:800]
    objects = Detections.from_labels(labels)
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 250, (2, *labels.shape)).astype(dtype)
    fiji.push(
        from_array(pixels, axes="CYX", channels=("DAPI", "488"), pixel_size=0.5, name="real"),
        objects,
    )

    table = fiji.measure()

    assert table.index.tolist() == objects.ids
    for row, label in enumerate(table["label"]):
        y, x = np.nonzero(labels == label)
        assert table["Area µm²"].iloc[row] == pytest.approx(len(y) * 0.25, abs=1e-9)
        assert table["X µm"].iloc[row] == pytest.approx((x.mean() + 0.5) / 2, abs=1e-3)
        assert table["Y µm"].iloc[row] == pytest.approx((y.mean() + 0.5) / 2, abs=1e-3)
        for channel, name in enumerate(("DAPI", "488")):
            values = pixels[channel][y, x].astype(float)
            assert table[f"{name}: Mean"].iloc[row] == pytest.approx(values.mean(), abs=1e-3)
            assert table[f"{name}: Min"].iloc[row] == values.min()
            assert table[f"{name}: Max"].iloc[row] == values.max()


def test_every_roi_is_measured_in_its_own_plane(fiji: Fiji) -> None:
    pixels = np.arange(2 * 3 * 2, dtype=np.uint16).reshape(2, 3, 2, 1, 1) * np.ones((8, 9))
    objects = Detections.from_polygons(
        [shapely.box(1, 1, 4, 4)] * 3,
        columns={"label": [1, 2, 3], "z": [0, 2, 1], "t": [0, 1, 1]},
        image=ImageInfo(width=9, height=8, size_z=3, size_t=2),
    )
    fiji.push(from_array(pixels.astype(np.uint16), axes="TZCYX", name="planes"), objects)

    table = fiji.measure(channels=[1])

    assert table["C2: Mean"].tolist() == [1, 11, 9]
    assert "C1: Mean" not in table.columns
    assert table["Area px²"].tolist() == [9, 9, 9]


def test_a_line_that_a_reviewer_drew_is_no_object_and_shifts_no_row(window: Fiji) -> None:
    objects = grid()
    window.push(picture(objects), objects)
    window.run_macro(
        'makeLine(1, 1, 9, 9); roiManager("add");\n'
        "makeRectangle(100, 100, 4, 5); roiManager('add');"
    )

    table = window.measure(channels=["DAPI"])

    assert len(table) == 13
    assert table["Area µm²"].tolist() == [300.0] * 12 + [5.0]


def test_a_channel_that_is_not_there_is_named(headless: Fiji) -> None:
    headless.push(picture(grid()), grid())

    with pytest.raises(BadInputError, match=r"has no channel 'Cy5'.*0 = DAPI, 1 = 488"):
        headless.measure(channels=["Cy5"])


def test_without_an_image_there_is_nothing_to_push_onto(headless: Fiji) -> None:
    with pytest.raises(FijiError, match=r"no image is open \(open are: none\)"):
        headless.push(None, grid())
    with pytest.raises(FijiError, match=r"no image is open \(open are: none\)"):
        headless.pull()


def test_values_that_imagej_cannot_hold_are_refused(headless: Fiji) -> None:
    image = from_array(np.full((9, 9), 2**24 + 1, np.uint32), name="large values")

    with pytest.raises(BadInputError, match="large values: holds values up to 16,777,217"):
        headless.push(image, grid())


def test_a_whole_section_can_be_reviewed(window: Fiji, haug2_mask_path: Path) -> None:
    objects = Detections.read(haug2_mask_path)
    image = from_array(objects.to_labels(), name="section")

    shown = window.push(image, objects)

    assert shown.count == 12_551
    assert_same(window.pull(), objects, image=False)
