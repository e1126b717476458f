"""Settings in exported zips, and in the records beside them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.hashing import file_hash
from bridge.model.export_settings import read_export_settings


def exported(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("saved_model.pb", b"graph")
        for name, text in files.items():
            archive.writestr(f"{name}.json", text)
    return path


def test_a_zip_comes_before_the_record_of_it(tmp_path: Path) -> None:
    path = exported(tmp_path / "a.zip", thresholds='{"prob": 0.6}')
    record = {
        "model": {"config": {"n_dim": 2}},
        "recipe": {"prob": 0.1, "nms": 0.2},
        "files": [{"sha256": file_hash(path)}],
    }
    (tmp_path / "a.export.json").write_text(json.dumps(record))

    found = read_export_settings(path)

    assert (found.config, found.recipe) == ({"n_dim": 2}, {"prob": 0.6, "nms": 0.2})
    assert found.missing == ("percentiles",)


@pytest.mark.parametrize("record", ["{", "[]", '{"files": [{"sha256": "other"}]}', "[" * 100_000])
def test_the_record_of_another_file_does_not_count(tmp_path: Path, record: str) -> None:
    path = exported(tmp_path / "a.zip")
    (tmp_path / "b.export.json").write_text(record)

    found = read_export_settings(path)

    assert (found.config, found.recipe) == (None, {})


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000])
def test_damaged_settings_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError, match=r"a\.zip: its recipe\.json is damaged"):
        read_export_settings(exported(tmp_path / "a.zip", recipe=text))


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")

    with pytest.raises(BadInputError, match=r"a\.zip: "):
        read_export_settings(tmp_path / "a.zip")
