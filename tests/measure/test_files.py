"""``starbridge measure`` and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import typer
from typer.testing import CliRunner, Result

from bridge import Detections
from bridge.cli.measure import measure as command
from bridge.errors import BadInputError
from bridge.images import open_image
from bridge.images.channels import NUMBERING
from bridge.measure import measure
from bridge.measure.files import Settings, measure_files


def call(*words: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images with their objects: one's label image, the other's GeoJSON."""
    labels = np.zeros((20, 24), np.uint16)
    labels[2:7, 3:9], labels[10:18, 10:20] = 3, 8
    (tmp_path / "images").mkdir()
    (tmp_path / "objects").mkdir()
    for number, name in enumerate("ab"):
        values = np.random.default_rng(number).integers(0, 999, (2, 20, 24)).astype(np.uint16)
        tifffile.imwrite(
            tmp_path / "images" / f"{name}.tif",
            values,
            imagej=True,
            resolution=(2, 2),
            metadata={"axes": "CYX", "unit": "um"},
        )
    tifffile.imwrite(tmp_path / "objects" / "a_labels.tif", labels)
    with open_image(tmp_path / "images" / "b.tif") as image:
        objects = Detections.from_labels(labels, image=image.info)
    objects.write(tmp_path / "objects" / "b.geojson")
    return tmp_path


def test_a_table_for_each_image(folder: Path) -> None:
    out = folder / "tables"

    done = call(folder / "images", folder / "objects", "--out", out, "--ring", "1.5 µm")

    assert done.exit_code == 0, done.output
    a, b = (pd.read_csv(out / f"{name}_measurements.csv") for name in "ab")
    assert a.columns.tolist()[:2] == ["image", "label"]
    assert a["label"].tolist() == [3, 8]
    assert b.columns.tolist()[:4] == ["image", "id", "label", "class"]
    objects = Detections.read(folder / "objects" / "b.geojson")
    assert b["id"].tolist() == objects.ids
    assert a["Nucleus: Area µm^2"].tolist() == b["Nucleus: Area µm^2"].tolist() == [7.5, 20]
    with open_image(folder / "images" / "b.tif") as image:
        table = measure(objects, image, ring=3, ring_unit="px")
    for column in table.columns:
        np.testing.assert_allclose(b[column], table[column], rtol=1e-9, err_msg=column)


def test_what_is_there_is_kept_unless_asked(folder: Path) -> None:
    out = folder / "tables"
    first = out / "a_measurements.csv"
    out.mkdir()
    first.write_text("mine")

    refused = call(folder / "images", folder / "objects", "-o", out, "--json")
    assert refused.exit_code == 1
    assert "a_measurements.csv: is there already" in refused.stderr
    assert [o["status"] for o in json.loads(refused.stdout)] == ["failed", "done"]
    kept = call(folder / "images", folder / "objects", "-o", out, "--resume", "--json")
    assert kept.exit_code == 0
    assert [o["status"] for o in json.loads(kept.stdout)] == ["skipped", "skipped"]
    assert "nothing to do: all 2 were done before" in kept.stderr
    assert first.read_text() == "mine"

    call(folder / "images", folder / "objects", "-o", out, "--overwrite")
    assert first.read_text().startswith("image,label,")
    assert not list(out.glob(".*"))


def test_a_table_is_made_anew_only_when_what_it_depends_on_changes(folder: Path) -> None:
    words = (folder / "images", folder / "objects", "-o", folder / "tables")
    assert "2 done" in call(*words).stderr
    assert "nothing to do" in call(*words).stderr
    assert "1 done, 1 were done before" in _after_change(folder, words)
    other = call(*words, "--ring", "3px")
    assert other.exit_code == 1
    assert "with other settings (another ring)" in other.stderr
    assert "2 done" in call(*words, "--ring", "3px", "--overwrite").stderr
    assert "2 done" in call(*words[:3], folder / "more", "--format", "csv", "--jobs", "2").stderr
    both = call(*words[:3], folder / "more", "--format", "csv", "--format", "parquet")
    assert "2 done" in both.stderr
    assert len(list((folder / "more").glob("*.parquet"))) == 2


def _after_change(folder: Path, words: tuple[object, ...]) -> str:
    """Edit the objects of one image, remove its table and measure again; gives stderr."""
    objects = Detections.read(folder / "objects" / "b.geojson")
    objects.objects["geometry"] = objects.objects.geometry.translate(1)
    objects.write(folder / "objects" / "b.geojson")
    refused = call(*words).stderr
    assert "b_measurements.csv: is there already" in refused
    assert "(another file of objects)" in refused
    (folder / "tables" / "b_measurements.csv").unlink()
    return call(*words).stderr


def test_an_image_that_fails_is_named_and_the_rest_goes_on(folder: Path) -> None:
    images, objects, out = folder / "images", folder / "objects", folder / "tables"
    (images / "broken.tif").write_bytes(b"II*\0 no more")
    tifffile.imwrite(objects / "broken_labels.tif", np.ones((4, 4), np.uint8))
    tifffile.imwrite(images / "alone.tif", np.ones((4, 4), np.uint8))
    tifffile.imwrite(images / "small.tif", np.ones((4, 4), np.uint8))
    tifffile.imwrite(objects / "small_labels.tif", np.ones((5, 4), np.uint8))

    done = call(images, objects, "-o", out)

    assert done.exit_code == 1
    assert sorted(p.name for p in out.glob("*.csv")) == ["a_measurements.csv", "b_measurements.csv"]
    assert "2 done, 3 failed" in done.stderr
    assert "alone.tif: has no objects in" in done.stderr
    assert "small.tif: with" in done.stderr
    assert "is 5 × 4 (YX), but small is 4 × 4 (YX)" in done.stderr
    assert "broken.tif: " in done.stderr


def test_images_of_one_name_and_a_single_file_of_objects(folder: Path) -> None:
    images, out = folder / "images", folder / "tables"
    other = folder / "a.tif"
    other.write_bytes((images / "a.tif").read_bytes())
    labels = folder / "objects" / "a_labels.tif"

    twice = measure_files([other, images / "a.tif"], [labels], out, Settings())
    assert [o.status for o in twice] == ["failed", "failed"]
    assert "one table would overwrite the other" in str(twice[0].error)
    two = measure_files([images / "b.tif", images / "a.tif"], [labels], out, Settings())
    assert [o.status for o in two] == ["failed", "done"]
    one = measure_files([images / "b.tif"], [labels], out, Settings(tables=("parquet",)))
    assert [o.status for o in one] == ["done"]
    assert pd.read_parquet(out / "b_measurements.parquet")["label"].tolist() == [3, 8]


def test_objects_without_pixels_are_told(folder: Path) -> None:
    image = folder / "images" / "b.tif"
    objects = Detections.read(folder / "objects" / "b.geojson")
    objects.objects["geometry"] = objects.objects.geometry.translate(100)
    objects.write(folder / "far.geojson")

    done = call(image, folder / "far.geojson", "-o", folder / "tables")

    assert done.exit_code == 0
    assert "b: 2 objects are covered by others or lie outside the image" in done.stderr
    assert objects.ids[0] in done.stderr


@pytest.mark.parametrize("ring", ["3", "0px", "x", "-2um", "3 nm"])
def test_rings_that_are_no_width(folder: Path, ring: str) -> None:
    done = call(folder / "images", folder / "objects", "-o", folder, f"--ring={ring}")

    assert isinstance(done.exception, BadInputError)
    assert "give 3um or 8px" in str(done.exception)


def test_tables_whose_names_of_channels_count_otherwise_are_not_mixed(folder: Path) -> None:
    out = folder / "tables"
    sources, images = [folder / "objects"], sorted((folder / "images").iterdir())
    measure_files(images[:1], sources, out, Settings())
    record = json.loads((out / "measure.json").read_text())
    del record["images"]["a"]["key"][NUMBERING]  # as it was written when names counted from 0
    (out / "measure.json").write_text(json.dumps(record))

    (refused,) = measure_files(images[:1], sources, out, Settings())

    assert "with other settings (another numbering of channels without a name)" in str(
        refused.error
    )


def test_images_without_a_pixel_size_are_named_once(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path), imagej=True, metadata={"axes": "CYX"})
    words = (folder / "images", folder / "objects", "--out", folder / "tables", "--overwrite")
    (folder / "objects" / "b.geojson").rename(folder / "b.geojson")
    tifffile.imwrite(folder / "objects" / "b_labels.tif", np.ones((20, 24), np.uint8))

    done = call(*words)
    in_pixels = call(*words, "--unit", "px")
    given = call(*words, "--pixel-size", "0.5")

    assert done.output.count("no pixel size") == 1
    assert "2 images have no pixel size" in done.output
    assert "(a, b); give it with --pixel-size" in done.output
    assert "no pixel size" not in in_pixels.output + given.output


@pytest.mark.parametrize("table", ["csv", "parquet"])
def test_all_objects_go_into_one_table_with_haug2s_columns(folder: Path, table: str) -> None:
    names = {"a": "Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1", "b": "Pa_odd"}
    for old, new in names.items():
        (folder / "images" / f"{old}.tif").rename(folder / "images" / f"{new}.tif")
        for path in (folder / "objects").glob(f"{old}[._]*"):
            path.rename(path.with_name(path.name.replace(old, new, 1)))
    combined = folder / "Raw_data_dQ_J70_SNd2T.csv"
    arguments = (folder / "images", folder / "objects", "--out", folder / "t", "--format", table)

    done = call(*arguments, "--combined", combined)

    assert done.exit_code == 0, done.output
    found = pd.read_csv(combined, keep_default_na=False)
    assert found.columns.tolist()[:13] == [
        "Image_name", "Clone", "Diff", "Day", "Immuno", "Objective", "Imaging", "Organoid",
        "Slice", "label", "area", "mean_intensity-0", "mean_intensity-1",
    ]  # fmt: skip
    assert found["Image_name"].tolist() == [f"{names['a']}.tif"] * 2 + ["Pa_odd.tif"] * 2
    assert found["Slice"].tolist() == ["s1", "s1", "", ""]
    assert found["area"].tolist() == [30, 80, 30, 80]
    pixels = tifffile.imread(folder / "images" / "Pa_odd.tif")
    assert found["mean_intensity-1"].iloc[2] == pytest.approx(pixels[1, 2:7, 3:9].mean())


def test_a_combined_table_needs_areas_in_pixels(folder: Path) -> None:
    arguments = (folder / "images", folder / "objects", "--out", folder / "t", "--unit", "um")

    failed = call(*arguments, "--combined", folder / "all.csv")

    assert isinstance(failed.exception, BadInputError)
    assert "has no areas in px" in str(failed.exception)
