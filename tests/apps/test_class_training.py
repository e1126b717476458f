"""Training of a classifier of objects on what people classed."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from bridge.apps.class_training import RING_PX, ClassTraining
from bridge.classify.objects.features import object_features
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import open_image
from tests.classify.objects.images import squares, write_image

pytest.importorskip("sklearn")


def _study(folder: Path, names: str = "abc") -> tuple[ReadOptions, list[Path]]:
    """Write images with two classes of objects, and their classes as GeoJSON."""
    images, objects = [], []
    for seed, name in enumerate(names):
        images.append(write_image(folder / "images" / f"{name}.tif", seed))
        objects.append(folder / f"{name}.geojson")
        squares(["live", "dead", "live", "dead"], name=name).write(objects[-1])
    return ReadOptions(images=tuple(images)), objects


@pytest.mark.slow
def test_the_same_labels_give_what_ilastik_gives(shared: Path) -> None:
    """30 of 153 objects have a label; ilastik's own classes of all of them are in its table.

    The labels are the darkest and the brightest objects, with a wide gap between. Of the objects in
    it ilastik itself is not sure: another seed of a random forest of scikit-learn, on ilastik's own
    four columns, agrees on 91 to 94 % of all objects. So agreement is asked for where ilastik gives
    a class at least 0.6.
    """
    training = ClassTraining(sources=[shared / "ilastik" / "objects.ilp"])
    images = training.read(training.sources)
    result = training.run()
    settings = result.trained.classifier.settings
    assert settings is not None
    with open_image(images[0].path) as image:
        features = object_features(images[0].detections, image, settings)
    names = result.trained.classifier.predict(features)
    ours = dict(zip(images[0].detections.objects["label"].tolist(), names, strict=True))

    with (shared / "ilastik" / "a_objects_table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    agrees = np.array([ours[int(row["labelimage_oid"])] == row["Predicted Class"] for row in rows])
    unsure = np.array([abs(float(row["Probability of dim"]) - 0.5) <= 0.1 for row in rows])

    assert len(rows) == 153
    assert agrees[~unsure].mean() >= 0.95
    assert (~unsure).sum() == 136
    assert agrees.mean() >= 0.88
    labelled = [images[0].detections.objects["label"][i] for i in images[0].classes]
    assert all(
        ours[int(label)] == images[0].classes[i]
        for i, label in zip(images[0].classes, labelled, strict=True)
    )


def test_settings_of_the_features_come_from_the_first_image(tmp_path: Path) -> None:
    options, objects = _study(tmp_path)
    training = ClassTraining(sources=objects, options=options, kinds=("logistic",))

    settings = training.run().trained.classifier.settings

    assert settings is not None
    assert (settings.channels, settings.unit, settings.ring) == (("C1",), "px", RING_PX)
    assert settings.neighbours > 0


def test_no_ring_and_no_neighbours_of_crops(tmp_path: Path) -> None:
    for number in range(8):
        name = "Cyst" if number % 2 else "Solid"
        write_image(tmp_path / "crops" / name / f"s{number // 2}_{number}.tif", number)
    training = ClassTraining(sources=[tmp_path / "crops"], ring=0, kinds=("logistic",))

    settings = training.run().trained.classifier.settings

    assert settings is not None
    assert (settings.ring, settings.neighbours) == (None, 0)


@pytest.mark.slow
def test_an_image_to_test_on_is_not_trained_on(tmp_path: Path) -> None:
    options, objects = _study(tmp_path, "abcd")
    training = ClassTraining(sources=objects[:3], options=options, kinds=("logistic",))

    training.run(objects[3:])
    with pytest.raises(BadInputError, match="is to train on, and the same image is to test on"):
        training.run(objects[2:])


def test_a_copy_of_an_image_to_test_on_is_found_by_its_content(tmp_path: Path) -> None:
    options, objects = _study(tmp_path)
    copy = tmp_path / "images" / "other name.tif"
    shutil.copy(options.images[0], copy)
    squares(["live", None, None, None], name="other name").write(tmp_path / "other name.geojson")
    training = ClassTraining(
        sources=objects, options=ReadOptions(images=(*options.images, copy)), kinds=("logistic",)
    )
    with pytest.raises(BadInputError, match="the same image is to test on"):
        training.run([tmp_path / "other name.geojson"])


def test_classes_that_differ_by_case_are_refused_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    options, objects = _study(tmp_path, "ab")
    squares(["Dead ", "live", None, None], name="b").write(objects[1])
    with pytest.raises(BadInputError, match=r"has the class 'Dead ', and .*a\.geojson 'dead'"):
        ClassTraining(sources=objects, options=options).run()


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_told_and_left_out(tmp_path: Path) -> None:
    options, objects = _study(tmp_path, "abcd")
    options.images[0].write_bytes(b"no image")
    errors: list[StarbridgeError] = []
    training = ClassTraining(
        sources=objects, options=options, kinds=("logistic",), on_error=errors.append
    )

    trained = training.run().trained

    assert sorted(set(trained.examples["image"])) == ["b", "c", "d"]
    assert any("a.tif" in str(error) for error in errors)


@pytest.mark.slow
def test_a_report_with_pictures_of_the_examples(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    options, objects = _study(tmp_path)
    result = ClassTraining(sources=objects, options=options, kinds=("logistic",)).run()

    picture = result.picture(str(result.trained.examples["object"].iloc[0]))
    assert picture is not None
    assert picture.shape == (14, 14)  # 8 pixels, 4 around it, less what is outside of the image
    assert result.picture("no such object") is None
    result.write_report(tmp_path / "report")
    assert "data:image/png" in (tmp_path / "report" / "report.html").read_text()


def test_dead_and_unstained_cells_are_kept_with_the_classifier(tmp_path: Path) -> None:
    options, objects = _study(tmp_path)
    training = ClassTraining(
        sources=objects, options=options, kinds=("logistic",), dead=["dead"], unstained=["live"]
    )
    classifier = training.run().trained.classifier
    assert (classifier.dead, classifier.unstained) == (("dead",), ("live",))


@pytest.mark.parametrize(
    ("dead", "unstained", "message"),
    [
        (["Dead"], [], "--dead: 'Dead' is no class of the examples; choose from dead, live"),
        ([], ["none"], "--unstained: 'none' is no class"),
        (["dead"], ["dead"], "both name 'dead'"),
    ],
)
def test_dead_and_unstained_cells_are_classes_of_the_examples(
    tmp_path: Path, dead: list[str], unstained: list[str], message: str
) -> None:
    options, objects = _study(tmp_path)
    training = ClassTraining(sources=objects, options=options, dead=dead, unstained=unstained)
    with pytest.raises(BadInputError, match=message):
        training.run()


def test_reviews_have_images_of_their_own_and_no_crops(tmp_path: Path) -> None:
    (tmp_path / "project.qpproj").write_text("{}")
    options = ReadOptions(crops=tmp_path)
    with pytest.raises(BadInputError, match="images of its own, .*; leave out --on-crops"):
        ClassTraining(sources=[tmp_path], options=options).run()
