"""A real ilastik, run without its window. Needs ``ILASTIK``, its folder or program."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.apps.ilastik.finding import IlastikApp, require_ilastik
from bridge.apps.ilastik.preparing import Settings
from bridge.apps.ilastik.run_job import run_files
from bridge.apps.ilastik_projects import NewProject
from bridge.batch.listener import Outcome
from bridge.batch.workers.threads import Threads
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.project import read_project
from bridge.images import from_array
from bridge.images.omezarr_writing import write_ome_zarr

pytestmark = [
    pytest.mark.ilastik,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("ILASTIK"), reason="needs an ilastik: set ILASTIK"),
]


@pytest.fixture(scope="module")
def app() -> IlastikApp:
    return require_ilastik()


@pytest.fixture
def data(tmp_path: Path, shared: Path) -> Path:
    """The shared projects and their images, in a folder that may be written."""
    folder = tmp_path / "data"
    folder.mkdir()
    for path in (shared / "ilastik").iterdir():
        shutil.copyfile(path, folder / path.name)
    return folder


def exported(path: Path) -> NDArray[Any]:
    with h5py.File(path) as file:
        values: NDArray[Any] = file["exported_data"][()]
        return values


def outcome(outcomes: list[Outcome]) -> Outcome:
    (only,) = outcomes
    assert only.status == "done", only.error
    return only


def test_exports_are_those_that_ilastik_gave_for_the_same_files(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    out, project = tmp_path / "out", data / "pixels2d.ilp"
    before = project.read_bytes()

    for export in ("probabilities", "segmentation"):
        outcome(run_files(app, project, [data / "new.tif"], out, Settings(export=export)))

    known = exported(data / "new_pixels2d-Probabilities.h5")
    np.testing.assert_array_equal(exported(out / "new_Probabilities.h5"), known)
    known = exported(data / "new_SimpleSegmentation.h5")
    np.testing.assert_array_equal(exported(out / "new_Simple Segmentation.h5"), known)
    assert project.read_bytes() == before


def test_a_volume_of_two_channels_has_its_classes_last(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    outcome(
        run_files(app, data / "MyProject.ilp", [data / "volume.h5"], tmp_path / "out", Settings())
    )

    known = exported(data / "volume-image_MyProject-Probabilities.h5")  # its class is first
    got = exported(tmp_path / "out/volume_Probabilities.h5")
    # Its trees lie in eight forests, which ilastik adds up in the order in which they are done.
    np.testing.assert_allclose(got, np.moveaxis(known, 0, -1), atol=1e-6)


def hyperstack(pixels: NDArray[Any], folder: Path) -> Path:
    tifffile.imwrite(
        folder / "a.tif", pixels[None, None, None], imagej=True, metadata={"axes": "TZCYX"}
    )
    return folder / "a.tif"


def axes_alone(pixels: NDArray[Any], folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["image"] = pixels[None, None]
        file["image"].attrs["axes"] = "CZYX"
    return folder / "a.h5"


def ome_zarr(pixels: NDArray[Any], folder: Path) -> Path:
    write_ome_zarr(from_array(pixels), folder / "a.ome.zarr")
    return folder / "a.ome.zarr"


def columns_first(pixels: NDArray[Any], folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["image"] = np.ascontiguousarray(pixels.T)
        file["image"].attrs["axistags"] = axistags("XY")
    return folder / "a.h5"


def singletons(pixels: NDArray[Any], folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["image"] = pixels[None, None, :, :, None]
        file["image"].attrs["axistags"] = axistags("TZYXC")
    return folder / "a.h5"


def compressed(pixels: NDArray[Any], folder: Path) -> Path:
    tifffile.imwrite(folder / "a b.tif", pixels, compression="zlib")
    return folder / "a b.tif"


@pytest.mark.parametrize(
    ("write", "axes"),
    [
        (hyperstack, None),
        (axes_alone, "CZYX"),
        (ome_zarr, None),
        (columns_first, None),
        (singletons, None),
        (compressed, None),
    ],
)
def test_an_image_has_the_same_classes_in_whatever_file(
    app: IlastikApp,
    data: Path,
    tmp_path: Path,
    write: Callable[[NDArray[Any], Path], Path],
    axes: str | None,
) -> None:
    image = write(tifffile.imread(data / "new.tif"), tmp_path)

    done = outcome(
        run_files(app, data / "pixels2d.ilp", [image], tmp_path / "out", Settings(axes=axes))
    )

    got = exported(tmp_path / "out" / done.outputs["h5"])
    np.testing.assert_array_equal(got, exported(data / "new_pixels2d-Probabilities.h5"))


def test_a_time_series_is_classified_plane_by_plane(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    pixels = tifffile.imread(data / "new.tif")
    image = tmp_path / "a.h5"
    with h5py.File(image, "w") as file:
        file["image"] = np.stack([pixels, pixels])
        file["image"].attrs["axistags"] = axistags("TYX")

    outcome(run_files(app, data / "pixels2d.ilp", [image], tmp_path / "out", Settings()))

    known = exported(data / "new_pixels2d-Probabilities.h5")
    got = exported(tmp_path / "out/a_Probabilities.h5")
    np.testing.assert_array_equal(got, [known, known])


def test_training_stores_a_classifier_in_a_copy(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    project, out = data / "pixels2d.ilp", tmp_path / "out"
    with h5py.File(project, "r+") as file:
        del file["PixelClassification/ClassifierForests"]
    before = project.read_bytes()
    images = [data / "new.tif", data / "train.tif"]

    outcomes = run_files(app, project, images, out, Settings(), workers=Threads(2))
    again = run_files(app, project, images, out, Settings())

    assert [o.status for o in outcomes] == ["done", "done"]
    assert [o.status for o in again] == ["skipped", "skipped"]
    assert project.read_bytes() == before
    assert read_project(out / "pixels2d_trained.ilp").has_forest
    known = exported(data / "new_SimpleSegmentation.h5")[..., 0] - 1
    got = exported(out / "new_Probabilities.h5").argmax(axis=-1)
    assert (got == known).mean() > 0.97


def test_training_in_place_keeps_relative_paths(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    project = data / "pixels2d.ilp"
    with h5py.File(project, "r+") as file:
        del file["PixelClassification/ClassifierForests"]
    settings = Settings(retrain=True, in_place=True)

    outcome(run_files(app, project, [data / "new.tif"], tmp_path / "out", settings))

    trained = read_project(project)
    assert trained.has_forest
    assert trained.lanes[0].images[0].stored == "train.tif"


def test_moved_training_images_do_not_matter_where_a_classifier_is_stored(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    (data / "train.tif").unlink()

    outcome(run_files(app, data / "pixels2d.ilp", [data / "new.tif"], tmp_path / "out", Settings()))


def test_an_image_too_small_for_the_features_is_told(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "small.tif", tifffile.imread(data / "new.tif")[:20, :20].copy())

    (only,) = run_files(
        app, data / "pixels2d.ilp", [tmp_path / "small.tif"], tmp_path / "out", Settings()
    )

    assert only.status == "failed"
    assert "is too small for the scales 10.0 of the project's features" in (only.error or "")


def read_rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_objects_get_a_class_and_a_row(app: IlastikApp, data: Path, tmp_path: Path) -> None:
    done = outcome(
        run_files(
            app,
            data / "objects.ilp",
            [data / "a.tif"],
            tmp_path / "out",
            Settings(),
            objects=[data / "a_lab.h5"],
        )
    )

    rows, known = read_rows(tmp_path / "out/a_table.csv"), read_rows(data / "a_objects_table.csv")
    assert done.objects == len(rows) == len(known) == 153
    assert set(rows[0]) == set(known[0])
    assert [row["Size in pixels"] for row in rows] == [row["Size in pixels"] for row in known]
    same = sum(
        a["Predicted Class"] == b["Predicted Class"] for a, b in zip(rows, known, strict=True)
    )
    assert same / len(rows) > 0.9  # it trains anew, and chance has a part in it


def test_label_images_with_gaps_and_without_objects(
    app: IlastikApp, data: Path, tmp_path: Path
) -> None:
    with h5py.File(data / "a_lab.h5") as file:
        labels = file["exported_data"][()].astype(np.uint16)
    (tmp_path / "lbl").mkdir()
    shutil.copyfile(data / "a.tif", data / "b.tif")
    tifffile.imwrite(tmp_path / "lbl/a_labels.tif", labels * 7)
    tifffile.imwrite(tmp_path / "lbl/b_labels.tif", labels * 0)
    with h5py.File(data / "objects.ilp", "r+") as file:
        del file["ObjectClassification/ExportSettings"]

    outcomes = run_files(
        app,
        data / "objects.ilp",
        [data / "a.tif", data / "b.tif"],
        tmp_path / "out",
        Settings(),
        objects=[tmp_path / "lbl"],
    )

    assert [(o.status, o.objects) for o in outcomes] == [("done", 153), ("done", 0)]
    assert len(read_rows(tmp_path / "out/a_table.csv")) == 153
    assert not exported(tmp_path / "out/b_Object Predictions.h5").any()


def nuclei(seed: int, shape: tuple[int, ...]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Noisy discs or balls on a grid, bright ones and dim ones, and their label image."""
    grid = np.indices(shape)
    labels = np.zeros(shape, np.uint16)
    pixels = np.random.default_rng(seed).normal(100, 10, shape)
    steps = [range(12, size - 8, 24) if size > 24 else [size // 2] for size in shape]
    centres = np.array(np.meshgrid(*steps, indexing="ij")).reshape(len(shape), -1).T
    for label, centre in enumerate(centres, start=1):
        inside = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) < 49
        labels[inside] = label
        pixels[inside] += 900 if label % 2 else 400
    return pixels.clip(0, 2000).astype(np.uint16), labels


@pytest.mark.parametrize(
    ("shape", "axes", "features"),
    [
        ((96, 110), "YX", "fast"),
        ((24, 60, 70), "ZYX", "fast"),
        ((12, 60, 70), "ZYX", "2d"),
    ],
)
def test_a_new_project_opens_trains_and_exports(
    app: IlastikApp, tmp_path: Path, shape: tuple[int, ...], axes: str, features: str
) -> None:
    pixels, labels = nuclei(1, shape)
    strokes = np.where(labels > 0, 2, 1).astype(np.uint8)
    strokes[np.random.default_rng(2).random(shape) > 0.05] = 0
    image, drawn = tmp_path / "a.h5", tmp_path / "drawn/a_labels.tif"
    drawn.parent.mkdir()
    with h5py.File(image, "w") as file:
        file["image"] = pixels
        file["image"].attrs["axistags"] = axistags(axes)
    tifffile.imwrite(drawn, strokes, metadata={"axes": axes}, ome=False, imagej=True)
    project = tmp_path / "new.ilp"
    NewProject(
        path=project,
        images=[image],
        classes=["background", "nucleus"],
        reviews=[drawn.parent],
    ).write_for_pixels(FeatureSelection.by_name(features))

    outcome(run_files(app, project, [image], tmp_path / "out", Settings(export="segmentation")))

    got = exported(tmp_path / "out/a_Simple Segmentation.h5")[..., 0] == 2
    assert (got == (labels > 0)).mean() > 0.98
