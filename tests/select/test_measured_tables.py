"""Intensities from the tables of ``starbridge measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from bridge import open_image
from bridge.errors import BadInputError
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
