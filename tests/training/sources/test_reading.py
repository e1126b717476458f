"""Training pairs from the folders that people have."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from bridge import Detections, ImageInfo
from bridge.errors import BadInputError, StarbridgeError
from bridge.training.sources import ReadOptions, read_pairs
from tests.training.folders import picture, save, squares


def stardist(folder: Path, image: str = "images", mask: str = "masks") -> None:
    for seed, name in enumerate(("a", "b 2")):
        save(folder / image / f"{name}.tif", picture(seed))
        save(folder / mask / f"{name}.tif", squares())


def cellpose(folder: Path) -> None:
    save(folder / "a.tif", picture(0))
    save(folder / "a_masks.tif", squares())
    save(folder / "b 2_img.tif", picture(1))
    save(folder / "b 2_masks.tif", squares())


def haug2(folder: Path) -> None:
    for seed, name in enumerate(("a", "b 2")):
        save(folder / f"{name}.tif", picture(seed))
    save(folder / "lbl" / "a_labels.tif", squares())
    Detections.from_labels(squares()).write(folder / "lbl" / "b 2_labels.h5")


def results(folder: Path) -> None:
    for seed, name in enumerate(("a", "b 2")):
        save(folder / f"{name}.tif", picture(seed))
    objects = Detections.from_labels(squares(), image=ImageInfo(name="a"))
    objects.objects["class"] = ["x", "y"] * 3
    objects.write(folder / "a.geojson")
    objects.write(folder / "b 2_rois.zip")


@pytest.mark.parametrize(
    "make", [stardist, lambda f: stardist(f, mask="labels"), cellpose, haug2, results]
)
def test_every_usual_layout_is_read(tmp_path: Path, make: Any) -> None:
    make(tmp_path)

    pairs = list(read_pairs(tmp_path))

    assert [pair.name.removesuffix("_img") for pair in pairs] == ["a", "b 2"]
    for seed, pair in enumerate(pairs):
        assert np.array_equal(pair.image[..., 0], picture(seed))
        assert np.array_equal(pair.labels, squares())
        assert (pair.group, pair.split) == (pair.name, "")


def test_classes_come_with_outlines(tmp_path: Path) -> None:
    results(tmp_path)

    for pair in read_pairs(tmp_path):
        assert pair.classes == {1: "x", 2: "y", 3: "x", 4: "y", 5: "x", 6: "y"}


def test_quadrants_of_orgaseg_belong_to_one_group(tmp_path: Path) -> None:
    for split, name in (("train", "a"), ("val", "b"), ("test", "c_1")):
        for number in range(4):
            save(tmp_path / split / "images" / f"{name}_{number}.tiff", picture(number))
            save(tmp_path / split / "masks" / f"{name}_segmentation_{number}.tiff", squares())

    pairs = list(read_pairs(tmp_path))

    assert {(pair.split, pair.group) for pair in pairs} == {
        ("train", "a"), ("val", "b"), ("test", "c_1"),
    }  # fmt: skip
    assert len({pair.name for pair in pairs}) == len(pairs) == 12


def test_a_zip_is_read_as_its_folder(tmp_path: Path) -> None:
    stardist(tmp_path / "in" / "set")
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "in")

    pairs = list(read_pairs(archive))

    assert [pair.name for pair in pairs] == ["a", "b 2"]
    assert pairs[0].source.startswith(archive)


def test_a_zip_whose_paths_leave_it_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../outside.tif", b"x")

    with pytest.raises(BadInputError, match="leaves its folder"):
        list(read_pairs(archive))
    assert not (tmp_path.parent / "outside.tif").exists()


def test_files_of_a_zip_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name in ("images/a?.tif", "images/a*.tif"):
            opened.writestr(name, b"x")

    with pytest.raises(BadInputError, match=r"holds 'images/a_\.tif' twice"):
        list(read_pairs(archive))


def test_a_zip_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("images/a.tif", bytes(2**27))

    with pytest.raises(BadInputError, match="far more than images and masks"):
        list(read_pairs(archive))


def test_an_error_inside_of_a_zip_names_the_zip(tmp_path: Path) -> None:
    stardist(tmp_path / "in")
    save(tmp_path / "in" / "masks" / "a.tif", squares(0))
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "in")

    with pytest.raises(BadInputError, match=r"set\.zip/masks/a\.tif: has no objects"):
        list(read_pairs(archive))


def test_an_image_alone_finds_its_objects(tmp_path: Path) -> None:
    cellpose(tmp_path)

    (pair,) = read_pairs(tmp_path / "a.tif")

    assert pair.count == 6


def test_the_data_science_bowl_is_read(shared: Path, tmp_path: Path) -> None:
    archive = shared / "dsb2018_fluorescence.zip"
    few = tmp_path / "few.zip"
    with zipfile.ZipFile(archive) as given, zipfile.ZipFile(few, "w") as made:
        for name in given.namelist()[:20]:
            made.writestr(name, given.read(name))

    pairs = list(read_pairs(few))

    assert len(pairs) == 10
    assert all(pair.count > 0 and pair.image.dtype == np.uint8 for pair in pairs)


def test_one_bad_image_does_not_stop_the_others(tmp_path: Path) -> None:
    stardist(tmp_path)
    save(tmp_path / "masks" / "a.tif", squares(shape=(48, 60)))
    errors: list[StarbridgeError] = []

    pairs = list(read_pairs(tmp_path, on_error=errors.append))

    assert [pair.name for pair in pairs] == ["b 2"]
    assert len(errors) == 1


def mask_of(kind: str) -> Any:
    binary = (squares() > 0).astype(np.uint8)
    return {
        "another size": squares(shape=(48, 60)),
        "0 and 255": binary * 255,
        "0 and 255 in one piece": (squares(1) > 0).astype(np.uint8) * 255,
        "one number for all": binary,
        "no object": squares(0),
        "a sign": squares().astype(np.int16) - 9,
        "fractions": squares().astype(np.float32) / 2,
        "channels": np.stack([squares(), squares()]),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("another size", "has an image of 48 x 64 and labels of 48 x 60 pixels"),
        ("0 and 255", "is a binary mask"),
        ("0 and 255 in one piece", "is a binary mask"),
        ("one number for all", "is a binary mask"),
        ("no object", "--keep-empty"),
        ("a sign", "only -1 has a meaning below 0"),
        ("fractions", "labels of type float32"),
        ("channels", "has 2 channels, but a label image has one"),
    ],
)
def test_a_mask_that_cannot_be_right_is_refused(tmp_path: Path, kind: str, problem: str) -> None:
    save(tmp_path / "images" / "a.tif", picture(0))
    mask = mask_of(kind)
    options = {"metadata": {"axes": "CYX"}, "imagej": True} if mask.ndim == 3 else {}
    save(tmp_path / "masks" / "a.tif", mask, **options)

    with pytest.raises(BadInputError, match=problem) as refused:
        list(read_pairs(tmp_path))
    assert "a.tif" in str(refused.value)


def test_an_image_with_honestly_one_object_is_read(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.tif", picture(0))
    save(tmp_path / "masks" / "a.tif", squares(1, dtype=np.uint8))

    (pair,) = read_pairs(tmp_path)

    assert pair.count == 1


def test_background_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.tif", picture(0))
    save(tmp_path / "masks" / "a.tif", squares(0))

    (pair,) = read_pairs(tmp_path, ReadOptions(keep_empty=True))

    assert (pair.count, pair.reviewed) == (0, 1.0)


def test_pixels_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    pixels = picture(0).astype(np.float32)
    pixels[3, 3] = np.nan
    save(tmp_path / "images" / "a.tif", pixels)
    save(tmp_path / "masks" / "a.tif", squares())

    with pytest.raises(BadInputError, match=r"a\.tif: has pixels that are NaN"):
        list(read_pairs(tmp_path))


def test_a_used_up_8_bit_mask_is_noted(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.tif", picture(0, (16, 16)))
    save(tmp_path / "masks" / "a.tif", np.arange(256, dtype=np.uint8).reshape(16, 16))
    notes: list[str] = []

    list(read_pairs(tmp_path, note=notes.append))

    assert len(notes) == 1
    assert "all of its 255 numbers" in notes[0]


@pytest.mark.parametrize(
    ("gone", "problem"),
    [("masks/a.tif", "has no objects in"), ("images/a.tif", "has no image in")],
)
def test_what_has_no_partner_is_named(tmp_path: Path, gone: str, problem: str) -> None:
    stardist(tmp_path)
    (tmp_path / gone).unlink()
    errors: list[StarbridgeError] = []

    pairs = list(read_pairs(tmp_path, on_error=errors.append))

    assert [pair.name for pair in pairs] == ["b 2"]
    (error,) = errors
    assert problem in str(error)
    assert "a.tif" in str(error)


def test_a_folder_without_pairs_says_what_is_needed(tmp_path: Path) -> None:
    save(tmp_path / "a.tif", picture(0))

    with pytest.raises(BadInputError, match=r"images/ .* masks/"):
        list(read_pairs(tmp_path))


def stack(folder: Path) -> None:
    pixels = picture(0, (3, 2, 48, 64))
    save(folder / "images" / "a.tif", pixels, imagej=True, metadata={"axes": "ZCYX"})
    labels = np.stack([squares(2), squares(4), squares(6)])
    save(folder / "masks" / "a.tif", labels, imagej=True, metadata={"axes": "ZYX"})


def test_a_stack_needs_a_plane(tmp_path: Path) -> None:
    stack(tmp_path)

    with pytest.raises(BadInputError, match="has 3 slices.*--z 0 to 2"):
        list(read_pairs(tmp_path, ReadOptions(channels=("1",))))
    (pair,) = read_pairs(tmp_path, ReadOptions(channels=("1",), z=1))

    assert pair.count == 4
    assert np.array_equal(pair.image[..., 0], picture(0, (3, 2, 48, 64))[1, 1])


def test_several_channels_need_a_choice(tmp_path: Path) -> None:
    stack(tmp_path)

    with pytest.raises(BadInputError, match="has 2 channels"):
        list(read_pairs(tmp_path, ReadOptions(z=0)))
    (pair,) = read_pairs(tmp_path, ReadOptions(channels=("C2", "0"), z=0))

    assert np.array_equal(pair.image, picture(0, (3, 2, 48, 64))[0, ::-1].transpose(1, 2, 0))


def test_regions_of_a_class_in_a_geojson_are_what_was_reviewed(tmp_path: Path) -> None:
    save(tmp_path / "a.tif", picture(0))
    objects = Detections.from_labels(squares())
    outlines = [*objects.objects.geometry, shapely.box(0, 0, 30, 20)]
    kinds = ["detection"] * 6 + ["annotation"]
    Detections.from_polygons(
        outlines, columns={"object_type": kinds, "class": ["n"] * 6 + ["Done"]}
    ).write(tmp_path / "a.geojson")

    (pair,) = read_pairs(tmp_path, ReadOptions(inside=("Done",)))

    assert set(np.unique(pair.labels)) == {-1, 0, 1, 2}
    assert (pair.labels[:20, :30] == squares()[:20, :30]).all()
    with pytest.raises(BadInputError, match="no region of the class done.*Done, n"):
        list(read_pairs(tmp_path, ReadOptions(inside=("done",))))


def test_objects_may_lie_elsewhere(tmp_path: Path) -> None:
    images = [save(tmp_path / "in" / f"{name}.tif", picture(n)) for n, name in enumerate("ab")]
    Detections.from_labels(squares()).write(tmp_path / "reviewed" / "a.geojson")
    options = ReadOptions(objects=(tmp_path / "reviewed",))
    errors: list[StarbridgeError] = []

    (alone,) = read_pairs(images[0], options)
    (pair,) = read_pairs(tmp_path / "in", options, on_error=errors.append)

    assert alone.count == pair.count == 6
    assert "b.tif: has no objects in" in str(errors[0])


def test_images_in_two_places_are_refused(tmp_path: Path) -> None:
    stardist(tmp_path)
    stardist(tmp_path / "test")

    with pytest.raises(BadInputError, match="has images in images and in test"):
        list(read_pairs(tmp_path))


def test_label_images_count_as_a_whole_beside_reviewed_regions(tmp_path: Path) -> None:
    stardist(tmp_path)

    assert all(pair.reviewed == 1 for pair in read_pairs(tmp_path, ReadOptions(inside=("Done",))))
