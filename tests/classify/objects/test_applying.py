"""Classes of the objects of many images, in every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.aggregate.sections import count_objects
from bridge.aggregate.tables import find_tables
from bridge.batch.listener import Outcome
from bridge.classify.objects.applying import Settings, apply_to_files, summarise_classes
from bridge.classify.objects.classed_images import (
    ClassedImage,
    measure_examples,
    select_examples,
)
from bridge.classify.objects.classifier import load_object_classifier
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.training import train_object_classifier
from bridge.errors import BadInputError
from bridge.images import open_image

pytest.importorskip("sklearn")

SIDE = 96
FORMATS = ("csv", "geojson")


def _write(folder: Path, name: str, seed: int, *, known: bool) -> tuple[Path, Detections]:
    """Write an image of 16 squares, bright and dim ones; its objects know their class or not."""
    rng = np.random.default_rng(seed)
    plane = rng.normal(100, 10, (SIDE, SIDE))
    boxes, classes = [], []
    for number in range(16):
        x, y = 24 * (number % 4) + 4, 24 * (number // 4) + 4
        is_bright = bool(rng.random() < 0.5) if number > 1 else bool(number)
        plane[y : y + 14, x : x + 14] += rng.normal(900 if is_bright else 400, 60, (14, 14))
        boxes.append(shapely.box(x, y, x + 14, y + 14))
        classes.append("bright" if is_bright else "dim")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.tif"
    tifffile.imwrite(path, plane.clip(0).astype(np.uint16))
    detections = Detections.from_polygons(
        boxes,
        columns={"class": classes if known else [None] * 16},
        image=ImageInfo(name=name, width=SIDE, height=SIDE),
    )
    return path, detections


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of bright and dim squares."""
    folder = tmp_path_factory.mktemp("training")
    images = []
    for seed in range(3):
        path, detections = _write(folder, f"t{seed}", seed, known=True)
        _, classes = select_examples(detections)
        name = path.stem
        images.append(
            ClassedImage(
                path=path, detections=detections, classes=classes, name=name, group=name, source=""
            )
        )
    with open_image(images[0].path) as image:
        settings = FeatureSettings.of_image(image)
    examples = measure_examples(images, lambda d, image: object_features(d, image, settings))
    trained = train_object_classifier(examples.table, settings, kinds=("logistic",))
    trained.classifier.write(folder / "classifier")
    return folder / "classifier"


@pytest.fixture
def study(tmp_path: Path) -> tuple[list[Path], Path]:
    """Two new images and the folder of their objects."""
    (tmp_path / "objects").mkdir()
    images = []
    for number, name in enumerate("ab"):
        path, detections = _write(tmp_path / "images", name, 10 + number, known=False)
        detections.write(tmp_path / "objects" / f"{name}.geojson")
        images.append(path)
    return images, tmp_path / "objects"


def _apply(
    images: Sequence[Path], objects: Path | None, out: Path, classifier: Path, **settings: Any
) -> list[Outcome]:
    chosen = Settings(**{"formats": FORMATS, **settings})
    sources = [] if objects is None else [objects]
    return apply_to_files(images, sources, out, classifier, chosen)


def _truth(name: str, seed: int, folder: Path) -> list[str]:
    return [*_write(folder, name, seed, known=True)[1].objects["class"]]


def test_classes_and_probabilities_in_every_format(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    outcomes = _apply(images, objects, tmp_path / "out", classifier)

    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    for place in ("tables/a.csv", "geojson/a.geojson"):
        found = Detections.read(tmp_path / "out" / place)
        assert found.objects["class"].tolist() == _truth("a", 10, tmp_path / "again")
        total = found.objects["Probability of bright"] + found.objects["Probability of dim"]
        assert np.allclose(total, 1)
        assert found.ids == Detections.read(objects / "a.geojson").ids


def test_the_folder_goes_to_aggregate_as_it_is(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    _apply(images, objects, tmp_path / "out", classifier)

    tables = find_tables([tmp_path / "out"])

    assert [table.name for table in tables] == ["a.csv", "b.csv"]
    counts = count_objects(Detections.read(tables[0]), "a").counts
    assert sum(counts.values()) == 16
    assert set(counts) == {"bright", "dim"}


def test_one_table_of_all_images_also_when_one_is_added_later(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    _apply(images[:1], objects, tmp_path / "out", classifier)
    outcomes = _apply(images, objects, tmp_path / "out", classifier)

    assert [outcome.status for outcome in outcomes] == ["skipped", "done"]
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert list(table.columns) == ["image_name", "label"]
    assert len(table) == 32
    assert table["image_name"].iloc[[0, 16]].tolist() == ["a_1.tiff", "b_1.tiff"]
    assert table["label"].tolist() == [
        *_truth("a", 10, tmp_path / "again"),
        *_truth("b", 11, tmp_path / "again"),
    ]


def test_a_table_for_programs_that_read_ilastiks(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    _apply(images, objects, tmp_path / "out", classifier, ilastik=True)

    rows = pd.read_csv(tmp_path / "out" / "ilastik" / "a_table.csv")

    assert rows["Predicted Class"].tolist() == _truth("a", 10, tmp_path / "again")
    assert count_objects(rows, "a").kind == "ilastik"


def test_further_files_are_written_from_those_there(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    _apply(images, objects, tmp_path / "out", classifier)
    before = (tmp_path / "out" / "geojson" / "a.geojson").read_bytes()

    again = {"formats": (*FORMATS, "hdf5"), "ilastik": True}
    outcomes = _apply(images, objects, tmp_path / "out", classifier, **again)

    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    assert (tmp_path / "out" / "geojson" / "a.geojson").read_bytes() == before
    hdf5 = Detections.read(tmp_path / "out" / "lbl" / "a_labels.h5")
    assert hdf5.objects["class"].tolist() == _truth("a", 10, tmp_path / "again")
    rows = pd.read_csv(tmp_path / "out" / "ilastik" / "a_table.csv")
    assert rows["Predicted Class"].tolist() == _truth("a", 10, tmp_path / "again")


def test_another_threshold_is_refused_without_being_asked_for(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    _apply(images[:1], objects, tmp_path / "out", classifier)
    outcome = _apply(images[:1], objects, tmp_path / "out", classifier, threshold=0.9)[0]
    assert outcome.status == "failed"
    assert "least probability" in str(outcome.error)


def test_regions_are_not_classed_and_kept_classes_stay(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    drawn = Detections.read(objects / "a.geojson")
    frame = drawn.objects
    frame.loc[frame.index[0], "class"] = "mine"
    frame.loc[frame.index[1], ["object_type", "class"]] = ["annotation", "tumour"]
    drawn.write(objects / "a.geojson")

    _apply(images[:1], objects, tmp_path / "out", classifier, keep=True)
    kept = Detections.read(tmp_path / "out" / "geojson" / "a.geojson").objects
    _apply(images[:1], objects, tmp_path / "new", classifier)
    new = Detections.read(tmp_path / "new" / "geojson" / "a.geojson").objects

    truth = _truth("a", 10, tmp_path / "again")
    assert kept["class"].tolist() == ["mine", "tumour", *truth[2:]]
    assert new["class"].tolist() == [truth[0], "tumour", *truth[2:]]
    assert np.isnan(new["Probability of dim"].iloc[1])


def test_unsure_objects(tmp_path: Path, study: tuple[list[Path], Path], classifier: Path) -> None:
    images, objects = study
    outcome = _apply(images[:1], objects, tmp_path / "out", classifier, threshold=1.0)[0]
    assert outcome.result["classes"] == {}
    assert outcome.notes == ("16 objects are unsure and have no class",)


def test_a_bad_image_does_not_stop_the_others(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    (objects / "a.geojson").unlink()
    outcomes = _apply(images, objects, tmp_path / "out", classifier)

    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "has no objects" in str(outcomes[0].error)
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 16


def test_images_with_other_channels_are_refused(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    plane = tifffile.imread(images[0])
    tifffile.imwrite(images[0], np.stack([plane] * 2), metadata={"axes": "CYX"})

    outcome = _apply(images[:1], objects, tmp_path / "out", classifier)[0]
    assert "other channels than the images in training" in str(outcome.error)

    chosen = _apply(images[:1], objects, tmp_path / "out", classifier, channels=(1,))[0]
    assert chosen.status == "done"


def test_crops_are_called_by_their_files(tmp_path: Path, classifier: Path) -> None:
    path, _ = _write(tmp_path / "crops", "slide_1", 5, known=True)
    outcomes = _apply([path], None, tmp_path / "out", classifier, crops=True)

    assert outcomes[0].objects == 1
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["image_name"].tolist() == ["slide_1.tif"]


def test_settings_that_cannot_be() -> None:
    with pytest.raises(BadInputError, match="is no probability"):
        Settings(threshold=2)
    with pytest.raises(BadInputError, match="is not one of them"):
        Settings(formats=("docx",))


def test_the_summary_gives_parts_of_all_and_of_the_living(
    tmp_path: Path, study: tuple[list[Path], Path], classifier: Path
) -> None:
    images, objects = study
    loaded = load_object_classifier(classifier)
    outcomes = _apply(images, objects, tmp_path / "out", classifier)
    names = [n for p in (tmp_path / "out/tables").glob("*.csv") for n in pd.read_csv(p)["class"]]
    dim, bright = names.count("dim"), names.count("bright")

    said = summarise_classes(outcomes, replace(loaded, dead=("bright",)))

    assert said == (
        f"32 objects have a class: dim {dim} ({dim / 32:.1%}, 100.0% of the living); "
        f"bright {bright} ({bright / 32:.1%})"
    )
    assert "living" not in summarise_classes(outcomes, loaded)
    again = _apply(images, objects, tmp_path / "out", classifier)
    assert summarise_classes(again, loaded) == summarise_classes(outcomes, loaded)
    assert summarise_classes([], loaded) == ""
