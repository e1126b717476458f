"""Nuclei of volumes, a row a slice in results, are counted once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from bridge import Detections
from bridge.aggregate.sections import count_objects, count_table
from bridge.cli.aggregate import aggregate as command
from bridge.objects3d import from_volume
from tests.aggregate.ilastik import NAME

FILES = ("csv", "parquet", "geojson", "zip", "h5")


@pytest.fixture
def nuclei() -> Detections:
    """Three nuclei in ten slices; one slice of the second was classed otherwise."""
    labels = np.zeros((5, 20, 20), np.uint16)
    labels[1:4, 2:6, 2:6], labels[:, 10:15, 10:15], labels[1:3, 2:6, 12:16] = 1, 2, 3
    found = from_volume(labels, columns={"class": {1: "Neuron", 2: "Dead"}})
    frame = found.objects
    frame.loc[(frame["label"] == 2) & (frame["z"] == 4), "class"] = "Neuron"
    # a person has classed one slice only
    frame.loc[(frame["label"] == 1) & (frame["z"] > 1), "class"] = None
    return Detections(frame, found.image)


@pytest.mark.parametrize("ending", FILES)
def test_every_format_counts_nuclei(nuclei: Detections, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"{NAME}.{ending}"
    nuclei.write(path)

    (section,) = count_table(path)

    assert section.counts == {"": 1, "Dead": 1, "Neuron": 1}
    assert "has 10 rows that are slices of 3 nuclei, which are counted once each" in section.notes
    assert any("slices are of different classes" in note for note in section.notes)


def test_detections_are_counted_like_their_files(nuclei: Detections) -> None:
    assert count_objects(nuclei, NAME).counts == {"": 1, "Dead": 1, "Neuron": 1}


def test_a_time_point_of_a_nucleus_is_an_object(nuclei: Detections, tmp_path: Path) -> None:
    later = nuclei.objects.assign(t=1)
    later.index = Detections.from_polygons(later.geometry.to_numpy()).ids
    both = pd.concat([nuclei.objects, later])
    path = tmp_path / f"{NAME}.csv"
    Detections(both, nuclei.image).write(path)

    (section,) = count_table(path)

    assert section.objects == 6
    assert count_objects(Detections(both, nuclei.image), NAME).objects == 6


def test_rows_without_a_uuid_stay_objects_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.csv"
    path.write_text("label,class,object\n1,A,nucleus\n2,A,nucleus\n3,B,\n")

    (section,) = count_table(path)

    assert section.counts == {"A": 2, "B": 1}


def test_a_table_of_several_images_counts_each_ones(nuclei: Detections, tmp_path: Path) -> None:
    frames = []
    for name in ("Pa_OG1_s1", "Pa_OG1_s2"):
        nuclei.write(tmp_path / "one.csv")
        frames.append(pd.read_csv(tmp_path / "one.csv").assign(image=name))
    path = tmp_path / "joined.csv"
    pd.concat(frames).to_csv(path, index=False)

    first, second = count_table(path)

    assert first.counts == second.counts == {"": 1, "Dead": 1, "Neuron": 1}


def test_the_combined_table_has_the_counted_rows(nuclei: Detections, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    nuclei.write(tmp_path / "tables" / f"{NAME}.csv")
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    combined = tmp_path / "Raw_classification_all.csv"

    words = [tmp_path / "tables", "--out", tmp_path / "study.xlsx", "--combined", combined]
    done = CliRunner().invoke(app, [str(word) for word in words])

    assert done.exit_code == 0, done.output
    assert "10 rows that are slices of 3 nuclei" in " ".join(done.stderr.split())
    table = pd.read_csv(combined).sort_values("label")
    assert table["label"].tolist() == [1, 2, 3]
    assert table["class"].fillna("").tolist() == ["Neuron", "Dead", ""]
