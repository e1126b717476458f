"""A nucleus of a volume has a row a slice, and is one example, one class and one object."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.aggregate.sections import count_objects
from bridge.apps.class_examples import images_of_reviews, read_classed_images
from bridge.apps.class_training import ClassTraining, ClassTrainingResult
from bridge.classify.objects.applying import Settings, apply_to_files
from bridge.classify.objects.crop_files import CropSettings, crop_files
from bridge.classify.objects.predicting import ObjectPredictor
from bridge.classify.objects.predictions import add_classes, ilastik_rows, prediction_rows
from bridge.classify.objects.proposing import Prediction, choose_to_check, propose_classes
from bridge.classify.objects.slices import one_class_each
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError
from bridge.images import open_image
from bridge.objects3d import ObjectRows, list_objects
from bridge.review import compare
from bridge.review.classes import TO_CHECK
from tests.apps.qupath.reviews import review_of
from tests.classify.objects.networks import classifier_of, random_model
from tests.classify.objects.volumes import first_slices, with_classes, write_volume

CLASSES = ["bright", "dim"]


@pytest.fixture
def volume(tmp_path: Path) -> tuple[Path, Detections]:
    return write_volume(tmp_path / "images", "v", seed=1)


def nuclei_of(detections: Detections) -> int:
    return int(detections.objects["object"].nunique())


def read(
    volume: tuple[Path, Detections], classed: Detections, note: Callable[[str], None] = print
) -> dict[str, str]:
    """Return the examples that are read of a file of classed slices: class by UUID."""
    path, _ = volume
    file = path.parent.parent / "v.geojson"
    classed.write(file)
    (image,) = read_classed_images([file], ReadOptions(images=(path,)), note=note)
    return {**image.classes}


def train(images: Path, classed: Path, notes: list[str] | None = None) -> ClassTrainingResult:
    pytest.importorskip("sklearn")
    paths = tuple(sorted(images.glob("*.tif")))
    note = (notes if notes is not None else []).append
    options = ReadOptions(images=paths)
    training = ClassTraining(sources=[classed], options=options, kinds=["logistic"], note=note)
    return training.run()


def test_a_class_of_one_slice_is_the_nucleus(volume: tuple[Path, Detections]) -> None:
    nuclei = volume[1]
    largest = ObjectRows.of(nuclei).largest

    examples = read(volume, with_classes(nuclei, first_slices(nuclei)))

    assert len(nuclei) > 2 * nuclei_of(nuclei)
    expected = nuclei.objects.iloc[largest]["class"]
    assert examples == expected.to_dict()


def test_slices_of_different_classes_are_told_and_most_count(
    volume: tuple[Path, Detections],
) -> None:
    nuclei, notes = volume[1], list[str]()
    classes = nuclei.objects["class"].to_dict()
    slices = nuclei.objects["object"].value_counts()
    torn = nuclei.objects.index[nuclei.objects["object"] == slices.index[0]]
    truth = classes[torn[0]]
    classes[torn[0]] = "dim" if truth == "bright" else "bright"

    examples = read(volume, with_classes(nuclei, classes), notes.append)

    assert examples[max(torn, key=lambda i: nuclei.objects.geometry[i].area)] == truth
    (line,) = notes
    assert line.endswith(
        "1 nuclei of v have slices of different classes; that of most slices counts"
    )


@pytest.mark.parametrize("is_accepted", [False, True])
def test_a_reviewers_class_of_one_slice_is_stronger_than_those_that_were_pushed(
    volume: tuple[Path, Detections], is_accepted: bool
) -> None:
    path, pushed = volume
    nucleus = pushed.objects["object"].value_counts().index[0]
    slices = pushed.objects.index[pushed.objects["object"] == nucleus]
    frame = pushed.objects.copy()
    frame.loc[slices[-1], "class"] = "dividing"
    reviewed = replace(pushed, objects=frame)
    review = review_of(reviewed, path, changes=compare(pushed, reviewed))
    options = ReadOptions(accepted=is_accepted)

    (image,) = images_of_reviews(path, [review], options)

    of_nucleus = {image.classes[i] for i in slices if i in image.classes}
    assert of_nucleus == {"dividing"}
    assert ("dim" in image.classes.values()) is is_accepted


def test_a_table_of_nuclei_names_them_by_their_uuids(
    volume: tuple[Path, Detections], tmp_path: Path
) -> None:
    path, nuclei = volume
    nuclei.write(tmp_path / "nuclei.geojson")
    listed = list_objects(nuclei)
    listed[["class"]].to_csv(tmp_path / "v.csv")  # object, class

    options = ReadOptions(images=(path,), objects=(tmp_path / "nuclei.geojson",))
    (image,) = read_classed_images([tmp_path / "v.csv"], options)

    assert len(image.classes) == len(listed)
    owners = nuclei.objects["object"]
    assert {owners[i]: name for i, name in image.classes.items()} == listed["class"].to_dict()


@pytest.mark.slow
def test_a_nucleus_is_never_on_both_sides_of_a_split(
    volume: tuple[Path, Detections], tmp_path: Path
) -> None:
    """In one volume examples are held out one by one, and slices of a nucleus look alike."""
    path, nuclei = volume
    nuclei.write(tmp_path / "v.geojson")  # every slice has a class

    trained = train(path.parent, tmp_path / "v.geojson").trained

    owners = trained.examples["object"].map(nuclei.objects["object"])
    folds = pd.Series(trained.validation.folds).groupby(owners.to_numpy()).nunique()
    assert len(trained.examples) == nuclei_of(nuclei)
    assert folds.index.isin(nuclei.objects["object"]).all()
    assert folds.eq(1).all()


def test_a_copy_of_a_volume_is_refused_even_if_nuclei_of_other_slices_are_classed(
    volume: tuple[Path, Detections], tmp_path: Path
) -> None:
    path, nuclei = volume
    shutil.copy(path, path.with_name("copy.tif"))
    largest = nuclei.objects.iloc[ObjectRows.of(nuclei).largest]
    z = largest["z"].to_numpy()
    lowest, highest = largest[z == z.min()], largest[z == z.max()]
    (tmp_path / "classed").mkdir()
    with_classes(nuclei, lowest["class"].to_dict()).write(tmp_path / "classed" / "v.geojson")
    with_classes(nuclei, highest["class"].to_dict()).write(tmp_path / "classed" / "copy.geojson")

    with pytest.raises(BadInputError, match="has the same images as"):
        train(path.parent, tmp_path / "classed")


@pytest.mark.slow
def test_all_slices_of_a_nucleus_get_its_class_and_it_counts_once(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "classed").mkdir()
    for seed, name in enumerate("abc"):
        _, nuclei = write_volume(tmp_path / "images", name, seed=seed)
        clicks = with_classes(nuclei, first_slices(nuclei))
        clicks.write(tmp_path / "classed" / f"{name}.geojson")
    result = train(tmp_path / "images", tmp_path / "classed")
    result.trained.classifier.write(tmp_path / "classifier")
    path, truth = write_volume(tmp_path / "new", "d", seed=9)
    with_classes(truth, {}).write(tmp_path / "d.geojson")
    settings = Settings(formats=("geojson", "csv"), ilastik=True)

    (outcome,) = apply_to_files(
        [path], [tmp_path / "d.geojson"], tmp_path / "out", tmp_path / "classifier", settings
    )

    found = Detections.read(tmp_path / "out" / "geojson" / "d.geojson")
    assert found.ids == truth.ids
    classes = found.objects.groupby("object")["class"].nunique(dropna=False)
    assert classes.eq(1).all()
    right = found.objects["class"].to_numpy() == truth.objects["class"].to_numpy()
    assert right.mean() > 0.9
    assert outcome.objects == sum(outcome.result["classes"].values()) == nuclei_of(truth)
    assert count_objects(found, "d").counts == outcome.result["classes"]
    counted = f"{len(truth)} rows are slices of {nuclei_of(truth)} nuclei"
    assert any(counted in note for note in outcome.notes)
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["image_name"].tolist() == [f"d_{n}.tiff" for n in sorted_labels(truth)]
    ilastik = pd.read_csv(tmp_path / "out" / "ilastik" / "d_table.csv")
    assert sorted(ilastik["labelimage_oid"]) == sorted(sorted_labels(truth))


def test_a_network_on_crops_looks_at_the_largest_slice(volume: tuple[Path, Detections]) -> None:
    path, nuclei = volume
    largest = ObjectRows.of(nuclei).largest
    with open_image(path) as image:
        classifier = classifier_of(random_model(), image)
        assert classifier.settings is not None
        predict = ObjectPredictor(classifier=classifier, settings=classifier.settings)

        found = predict(nuclei, image)
        alone = predict(replace(nuclei, objects=nuclei.objects.drop(columns="object")), image)

    owners = nuclei.objects["object"].tolist()
    assert len({tuple(row) for row in found}) == nuclei_of(nuclei)
    assert np.allclose(found[largest], alone[largest], rtol=1e-5)
    assert len({(owner, *row) for owner, row in zip(owners, found, strict=True)}) == len(largest)


def sorted_labels(detections: Detections) -> list[int]:
    """Return the labels in the order of the first rows."""
    return [*dict.fromkeys(detections.objects["label"].tolist())]


def shared_probabilities(nuclei: Detections) -> NDArray[np.float64]:
    """Return probabilities of which each nucleus has its own in all slices."""
    dim = ObjectRows.of(nuclei).owner / 10 % 1
    return np.stack([1 - dim, dim], axis=1)


def test_a_kept_class_of_one_slice_goes_to_all_slices(volume: tuple[Path, Detections]) -> None:
    nuclei = volume[1]
    identity = nuclei.objects["object"].value_counts().index[0]
    slices = nuclei.objects.index[nuclei.objects["object"] == identity]
    some = with_classes(nuclei, {slices[1]: "dividing"})
    fixed = some.objects["class"].notna().to_numpy()

    found = add_classes(some, CLASSES, shared_probabilities(some), fixed=fixed, threshold=0.8)

    assert set(found.detections.objects.loc[slices, "class"]) == {"dividing"}
    assert found.kept == 1
    of_nuclei = found.detections.objects.groupby("object")["class"].first()
    assert found.unsure == of_nuclei.isna().sum() > 0


def test_slices_of_different_classes_become_one_class(volume: tuple[Path, Detections]) -> None:
    nuclei = volume[1]
    identity = nuclei.objects["object"].value_counts().index[0]
    slices = nuclei.objects.index[nuclei.objects["object"] == identity]
    classes = {slices[0]: "dim", slices[1]: "bright", slices[2]: "bright", slices[3]: TO_CHECK}

    found, differing = one_class_each(with_classes(nuclei, classes))

    assert set(found.objects.loc[slices, "class"]) == {"bright"}
    assert differing == 1
    assert found.objects["class"].notna().sum() == len(slices)


def test_tables_of_other_programs_have_a_row_a_nucleus(volume: tuple[Path, Detections]) -> None:
    nuclei = add_classes(volume[1], CLASSES, shared_probabilities(volume[1])).detections

    ilastik = ilastik_rows(nuclei, CLASSES).set_index("labelimage_oid")

    assert len(prediction_rows(nuclei, "v")) == len(ilastik) == nuclei_of(nuclei)
    label = ilastik.index[0]
    labels = nuclei.to_labels()
    z, y, x = np.nonzero(labels == label)
    centre = [ilastik.loc[label, f"Center of the object_{axis}"] for axis in range(3)]
    assert centre == pytest.approx([x.mean(), y.mean(), z.mean()])
    assert ilastik.loc[label, "Size in pixels"] == len(z)


def test_a_nucleus_is_cropped_once_in_its_largest_slice(
    volume: tuple[Path, Detections], tmp_path: Path
) -> None:
    path, nuclei = volume
    with_classes(nuclei, first_slices(nuclei)).write(tmp_path / "v.geojson")

    (outcome,) = crop_files([path], [tmp_path / "v.geojson"], tmp_path / "crops", CropSettings())

    assert outcome.status == "done"
    listed = pd.read_csv(tmp_path / "crops" / "lists" / "v_crops.csv").set_index("object")
    assert outcome.objects == len(listed) == nuclei_of(nuclei)
    pixels = tifffile.imread(path)
    for row in ObjectRows.of(nuclei).largest:
        slice_ = nuclei.objects.iloc[row]
        crop = tifffile.imread(tmp_path / "crops" / f"v_{slice_['label']}.tiff")
        entry = listed.loc[slice_["label"]]
        assert (entry["id"], entry["label"]) == (nuclei.ids[row], slice_["class"])
        top, left = int(entry["top"]), int(entry["left"])
        height, width = crop.shape
        expected = pixels[slice_["z"], top : top + height, left : left + width]
        assert np.array_equal(crop, expected)


def test_a_reviewer_is_asked_once_for_a_nucleus(volume: tuple[Path, Detections]) -> None:
    nuclei = with_classes(volume[1], {})
    slices = ObjectRows.of(nuclei)
    prediction = Prediction(
        image="v",
        objects=nuclei,
        probabilities=shared_probabilities(nuclei),
        open=frozenset(nuclei.ids),
    )

    (to_check,) = choose_to_check([prediction], 3)
    proposed = propose_classes(prediction, CLASSES, to_check).objects

    asked = proposed.index[proposed["class"] == TO_CHECK]
    assert set(asked) == to_check
    assert to_check <= {nuclei.ids[row] for row in slices.largest}
    assert proposed.loc[asked, "object"].nunique() == 3
    others = proposed["object"].isin(proposed.loc[asked, "object"]) & ~proposed.index.isin(asked)
    assert proposed.loc[others, "class"].isna().all()
    assert proposed.loc[~others, "class"].notna().all()


def test_a_nucleus_that_a_reviewer_classed_in_one_slice_is_decided(
    volume: tuple[Path, Detections],
) -> None:
    identity = volume[1].objects["object"].value_counts().index[0]
    slices = volume[1].objects.index[volume[1].objects["object"] == identity]
    nuclei = with_classes(volume[1], {slices[0]: "dividing"})
    prediction = Prediction(
        image="v",
        objects=nuclei,
        probabilities=np.full((len(nuclei), 2), 0.5),
        open=frozenset(nuclei.ids) - {slices[0]},
    )

    (to_check,) = choose_to_check([prediction], 1000)
    proposed = propose_classes(prediction, CLASSES, to_check).objects

    assert len(to_check) == nuclei_of(nuclei) - 1
    assert not to_check & set(slices)
    assert set(proposed.loc[slices, "class"]) == {"dividing"}
