"""Intensities from the tables of ``starbridge measure``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tifffile

from bridge import open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.images.channels import NUMBERING
from bridge.measure.files import Settings, measure_files
from bridge.select import image_intensities
from bridge.select.measured_tables import find_table, table_intensities
from tests.select.sections import nuclei, write_section


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("unit", ["px", None])
def test_a_table_gives_what_the_pixels_give(
    tmp_path: Path, kind: Literal["csv", "parquet"], unit: Literal["px"] | None
) -> None:
    path = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)
    settings = Settings(tables=(kind,), unit=unit, channels=("AF488",))
    measure_files([path], [tmp_path / "RESULTS"], tmp_path / "tables", settings)

    table = find_table(tmp_path / "tables", "Pa_s1")

    assert table is not None
    with open_image(path) as image:
        found = table_intensities(table, image, "488")
        expected = image_intensities(nuclei(), image, "488")
        assert (found.channel, found.nuclei) == ("AF488", 4)
        for name in ("mean", "median", "pixel_mean"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)
        with pytest.raises(BadInputError, match=r"has no column 'Nucleus: DAPI: Mean'; measure"):
            table_intensities(table, image, "DAPI")


def test_tables_that_are_none_are_named(tmp_path: Path) -> None:
    path = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)
    table = tmp_path / "Pa_s1_measurements.csv"

    assert find_table(tmp_path, "Pa_s1") is None
    with open_image(path) as image:
        table.write_text("")
        with pytest.raises(BadInputError, match="cannot be read as a table"):
            table_intensities(table, image, 1)
        table.write_text("Nucleus: AF488: Mean,Nucleus: Area px^2\nmuch,1\n")
        with pytest.raises(BadInputError, match="Pa_s1_measurements.csv: holds text"):
            table_intensities(table, image, 1)
        table.with_suffix(".parquet").write_bytes(b"PAR1 no")
        found = find_table(tmp_path, "Pa_s1")
        assert found is not None
        with pytest.raises(BadInputError, match="cannot be read as a table"):
            table_intensities(found, image, 1)


COUNTED_FROM_0 = "Nucleus: Area px^2,Nucleus: C0: Mean,Nucleus: C1: Mean,Nucleus: C2: Mean\n"
COUNTED_FROM_1 = "Nucleus: Area px^2,Nucleus: C1: Mean,Nucleus: C2: Mean,Nucleus: C3: Mean\n"
OF_A_MACRO = "labelimage_oid,Area_um2,Area_px,C1_Mean,C1_Min,C2_Mean,C2_Min,C3_Mean,C3_Min\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a_measurements.csv", f"{COUNTED_FROM_0}1,10,20,30\n"),
        ("a_measurements.csv", f"{COUNTED_FROM_1}1,10,20,30\n"),
        ("a_table.csv", f"{OF_A_MACRO}1,,1,10,0,20,0,30,0\n"),
    ],
)
def test_channels_without_a_name_are_the_same_in_all_tables(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    table = find_table(tmp_path, "a")
    assert table is not None
    image = from_array(np.zeros((3, 1, 1)), axes="CYX", name="a")

    found = [table_intensities(table, image, channel) for channel in (0, "C2", "Channel 3")]

    assert [(one.channel, one.mean) for one in found] == [("C1", 10), ("C2", 20), ("C3", 30)]


def test_the_record_tells_how_a_table_of_one_channel_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = np.stack([np.full((8, 8), value, np.uint16) for value in (10, 20, 30)])
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "a_labels.tif", np.ones((8, 8), np.uint16))
    out = tmp_path / "tables"
    measure_files([path], [tmp_path / "a_labels.tif"], out, Settings(channels=(1,)))
    table = find_table(out, "a")
    assert table is not None
    with open_image(path) as image:
        assert table_intensities(table, image, 1).mean == 20

        # as it was written when names counted from 0
        table.write_text(table.read_text().replace(": C2: ", ": C1: "))
        record = json.loads((out / "measure.json").read_text())
        del record["images"]["a"]["key"][NUMBERING]
        (out / "measure.json").write_text(json.dumps(record))
        assert table_intensities(table, image, 1).mean == 20
        with pytest.raises(BadInputError, match="has no column 'Nucleus: C0: Mean'"):
            table_intensities(table, image, 0)


def test_ilastiks_tables_of_the_same_name_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a_table.csv").write_text("object_id,Predicted Class\n1,Neuron\n")
    assert find_table(tmp_path, "a") is None
