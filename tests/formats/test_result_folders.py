"""Where objects are looked for."""

from __future__ import annotations

from pathlib import Path

from bridge.formats.pairing import result_folders


def test_results_inside_and_beside_the_folder_of_the_images(tmp_path: Path) -> None:
    images = tmp_path / "study" / "SECTIONS"
    for folder in (images / "inside", tmp_path / "study" / "beside", images / "other"):
        folder.mkdir(parents=True)
        if folder.name != "other":
            (folder / "run.json").write_text("{}")
    (tmp_path / "run.json").write_text("{}")

    found = result_folders([images / "a.tif", images / "b.tif"])

    assert found == [images, images / "inside", tmp_path / "study" / "beside"]
