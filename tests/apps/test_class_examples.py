"""Classed objects from wherever people class them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import roifile

from bridge import Detections
from bridge.apps.class_examples import images_of_reviews, read_classed_images
from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.classify.objects.classed_images import ClassedImage
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import open_image
from bridge.review import compare
from tests.apps.qupath.reviews import review_of
from tests.classify.objects.images import squares, write_image


def _by_label(image: ClassedImage) -> dict[int, str]:
    labels = image.detections.objects["label"]
    return {int(labels[identity]): name for identity, name in image.classes.items()}


def _reclassed(pushed: Detections, classes: list[str | None]) -> Detections:
    return Detections(pushed.objects.assign(**{"class": classes}), pushed.image)


def test_classes_that_were_pushed_are_no_examples(tmp_path: Path) -> None:
    """A class that nobody corrected would teach the classifier its own mistakes."""
    pushed = squares(["live", "dead", "to check", None])
    reviewed = _reclassed(pushed, ["live", "live", "to check", "dead"])
    review = review_of(reviewed, write_image(tmp_path / "a.tif"), changes=compare(pushed, reviewed))
    notes: list[str] = []

    (found,) = images_of_reviews(tmp_path, [review], ReadOptions(), note=notes.append)

    assert _by_label(found) == {2: "live", 4: "dead"}
    assert len(found.detections) == 4
    assert notes == ["a.tif: 1 classes were pushed and not changed; --accepted takes them too"]


def test_accepted_classes_on_request(tmp_path: Path) -> None:
    pushed = squares(["live", "dead", "to check", None])
    review = review_of(pushed, write_image(tmp_path / "a.tif"), changes=compare(pushed, pushed))

    assert not list(images_of_reviews(tmp_path, [review], ReadOptions()))
    (found,) = images_of_reviews(tmp_path, [review], ReadOptions(accepted=True))
    assert _by_label(found) == {1: "live", 2: "dead"}


def test_each_class_counts_in_a_project_that_nothing_was_pushed_to(tmp_path: Path) -> None:
    drawn = squares(["Cyst", None, "Solid", None], kind="annotation")
    (found,) = images_of_reviews(
        tmp_path, [review_of(drawn, write_image(tmp_path / "a.tif"))], ReadOptions()
    )
    assert _by_label(found) == {1: "Cyst", 3: "Solid"}


def test_an_image_that_was_moved_is_named(tmp_path: Path) -> None:
    review = review_of(squares(["live"] * 4), tmp_path / "gone.tif")
    errors: list[StarbridgeError] = []

    assert not list(images_of_reviews(tmp_path, [review], ReadOptions(), on_error=errors.append))
    assert "file is not there" in str(errors[0])


def test_classes_of_a_review_in_fiji(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    with open_image(write_image(tmp_path / "a.tif")) as image:
        push_files(image, squares(["live", None, None, None]), folder)
    files = ReviewFiles.of(folder, "a")
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    for roi in rois[1:3]:  # renamed in the ROI Manager
        roi.name = f"{roi.name}-dead"
    files.rois.unlink()
    roifile.roiwrite(files.rois, rois)

    (found,) = read_classed_images([folder])

    assert sorted(found.classes.values()) == ["dead", "dead"]
    assert found.path == files.image


def test_several_sources_at_once(tmp_path: Path) -> None:
    image = write_image(tmp_path / "images" / "a.tif")
    objects = squares(["live", None, None, None])
    objects.write(tmp_path / "a.geojson")
    table = tmp_path / "clicks.csv"
    pd.DataFrame({"id": objects.ids[1:2], "class": ["dead"]}).to_csv(table, index=False)
    options = ReadOptions(images=(image,), objects=(tmp_path / "a.geojson",))

    found = list(read_classed_images([tmp_path / "a.geojson", table], options))

    assert [_by_label(each) for each in found] == [{1: "live"}, {2: "dead"}]


def test_a_folder_of_tables(tmp_path: Path) -> None:
    images = tuple(write_image(tmp_path / f"{name}.tif", k) for k, name in enumerate("ab"))
    (tmp_path / "tables").mkdir()
    for name in "ab":
        squares(name=name).write(tmp_path / f"{name}.geojson")
        table = pd.DataFrame({"labelimage_oid": [1, 2], "User Label": ["0", f"class {name}"]})
        table.to_csv(tmp_path / "tables" / f"{name}_table.csv", index=False)

    options = ReadOptions(images=images, objects=(tmp_path,))
    found = read_classed_images([tmp_path / "tables"], options)

    assert [_by_label(each) for each in found] == [{2: "class a"}, {2: "class b"}]


def test_a_folder_without_images_is_one_of_crops(tmp_path: Path) -> None:
    write_image(tmp_path / "Cyst" / "a_1.tif")
    (found,) = read_classed_images([tmp_path])
    assert found.is_crop
    assert [*found.classes.values()] == ["Cyst"]


def test_a_source_that_is_not_there_does_not_stop_the_others(tmp_path: Path) -> None:
    write_image(tmp_path / "Cyst" / "a_1.tif")
    errors: list[StarbridgeError] = []
    sources = [tmp_path / "gone", tmp_path]

    assert len(list(read_classed_images(sources, on_error=errors.append))) == 1
    assert "is not there" in str(errors[0])
    with pytest.raises(BadInputError, match="is not there"):
        list(read_classed_images(sources))
