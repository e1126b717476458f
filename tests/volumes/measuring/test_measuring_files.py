"""``starbridge measure`` of stacks, and what it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import typer
from typer.testing import CliRunner, Result

from bridge import Detections
from bridge.cli.measure import measure as command
from bridge.images import open_image
from bridge.objects3d import from_volume, list_objects

VOLUME = "Nucleus: Volume µm^3"


def call(*words: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


def write_stack(path: Path, *, spacing: float | None = 2.0) -> None:
    values = np.random.default_rng(2).integers(0, 999, (6, 2, 20, 24)).astype(np.uint16)
    metadata = {"axes": "ZCYX", "unit": "um"} | ({} if spacing is None else {"spacing": spacing})
    tifffile.imwrite(path, values, imagej=True, resolution=(2, 2), metadata=metadata)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack of two channels with two nuclei, as a label volume and as results of linking."""
    labels = np.zeros((6, 20, 24), np.uint16)
    labels[1:4, 2:7, 3:9], labels[2:6, 10:18, 10:20] = 3, 8
    write_stack(tmp_path / "a.tif")
    with open_image(tmp_path / "a.tif") as image:
        nuclei = from_volume(labels, image=image.info, columns={"class": {3: "Neuron"}})
    (tmp_path / "linked").mkdir()
    nuclei.write(tmp_path / "linked" / "a.geojson")
    tifffile.imwrite(tmp_path / "a_labels.tif", labels, imagej=True, metadata={"axes": "ZYX"})
    return tmp_path


def test_slices_that_say_what_they_are_of_are_measured_as_nuclei(folder: Path) -> None:
    done = call(folder / "a.tif", folder / "linked", "-o", folder / "out")

    assert done.exit_code == 0, done.output
    assert "measured 3D nuclei, a row each, in a; --slices measures each slice" in done.stderr
    table = pd.read_csv(folder / "out" / "a_measurements.csv")
    nuclei = list_objects(Detections.read(folder / "linked" / "a.geojson"))
    assert table["object"].tolist() == nuclei.index.tolist()
    assert table["class"].fillna("").tolist() == ["Neuron", ""]
    assert table[VOLUME].tolist() == [3 * 30 * 0.5, 4 * 80 * 0.5]
    assert "Nucleus: C2: Median" in table


def test_each_slice_when_asked_to(folder: Path) -> None:
    done = call(folder / "a.tif", folder / "linked", "-o", folder / "out", "--slices")

    assert done.exit_code == 0, done.output
    table = pd.read_csv(folder / "out" / "a_measurements.csv")
    assert len(table) == 7
    assert table["object"].nunique() == 2
    assert "Nucleus: Area µm^2" in table


def test_a_label_volume_when_asked_to(folder: Path) -> None:
    source = folder / "a_labels.tif"

    assert call(folder / "a.tif", source, "-o", folder / "planes").exit_code == 0
    assert call(folder / "a.tif", source, "-o", folder / "out", "--volumes").exit_code == 0

    assert len(pd.read_csv(folder / "planes" / "a_measurements.csv")) == 7
    table = pd.read_csv(folder / "out" / "a_measurements.csv")
    assert table["label"].tolist() == [3, 8]
    assert "object" not in table
    linked = call(folder / "a.tif", folder / "linked", "-o", folder / "of linked")
    assert linked.exit_code == 0
    expected = pd.read_csv(folder / "of linked" / "a_measurements.csv")
    pd.testing.assert_frame_equal(table, expected[table.columns])


@pytest.mark.parametrize("source", ["linked", "a_labels.tif"])
def test_slices_in_formats_have_the_measurements_of_their_nucleus(
    folder: Path, source: str
) -> None:
    formats = [word for key in ("geojson", "rois", "labels") for word in ("--format", key)]
    out = folder / "out"

    done = call(folder / "a.tif", folder / source, "-o", out, "--volumes", *formats)

    assert done.exit_code == 0, done.output
    table = pd.read_csv(out / "a_measurements.csv").set_index("object")
    for path in (out / "geojson" / "a.geojson", out / "roi" / "a_rois.zip"):
        frame = Detections.read(path).objects
        assert len(frame) == 7
        assert set(frame["object"]) == set(table.index)
        expected = table.loc[frame["object"], VOLUME].tolist()
        assert frame[VOLUME].tolist() == expected, path
    if source == "linked":
        assert frame.index.tolist() == Detections.read(folder / "linked" / "a.geojson").ids
    with open_image(out / "lbl" / "a_labels.tif") as labels:
        assert labels.size("Z") == 6
        assert labels.pixel_size is not None
        assert labels.pixel_size.z == 2


def test_the_slice_distance_is_asked_for_and_taken(folder: Path) -> None:
    write_stack(folder / "a.tif", spacing=None)

    refused = call(folder / "a.tif", folder / "linked", "-o", folder / "out")
    taken = call(folder / "a.tif", folder / "linked", "-o", folder / "out", "--z-step", 3)

    assert refused.exit_code == 1
    assert "does not say how far apart its slices are" in refused.stderr
    assert "--z-step" in refused.stderr
    assert taken.exit_code == 0, taken.output
    table = pd.read_csv(folder / "out" / "a_measurements.csv")
    assert table[VOLUME].tolist() == [3 * 30 * 0.75, 4 * 80 * 0.75]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ring", "3um"], "which have no rings: leave out --ring, or give --slices"),
        (["--unit", "px"], "which are measured in µm: leave out --unit px, or give --slices"),
    ],
)
def test_what_only_planes_have_is_refused(folder: Path, words: list[str], message: str) -> None:
    done = call(folder / "a.tif", folder / "linked", "-o", folder / "out", *words)

    assert done.exit_code == 1
    assert message in " ".join(done.stderr.split()).replace("; ", ": ")


def test_labels_of_unlinked_slices_are_told(folder: Path) -> None:
    nuclei = Detections.read(folder / "linked" / "a.geojson")
    plain = nuclei.objects.drop(columns="object")
    Detections(plain, nuclei.image).write(folder / "plain.geojson")

    done = call(folder / "a.tif", folder / "plain.geojson", "-o", folder / "out", "--volumes")

    assert done.exit_code == 0, done.output
    assert "those of one label count as one nucleus" in " ".join(done.stderr.split())


def test_several_stacks_at_a_time_give_the_same(folder: Path) -> None:
    write_stack(folder / "b.tif")
    nuclei = Detections.read(folder / "linked" / "a.geojson")
    nuclei.write(folder / "linked" / "b.geojson")
    images = (folder / "a.tif", folder / "b.tif")

    done = call(*images, folder / "linked", "-o", folder / "out", "--jobs", 2)

    assert done.exit_code == 0, done.output
    first, second = (pd.read_csv(folder / "out" / f"{n}_measurements.csv") for n in "ab")
    pd.testing.assert_frame_equal(first.drop(columns="image"), second.drop(columns="image"))
