"""Many images: what is measured, cropped, kept and named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge import Detections
from bridge.errors import BadInputError
from bridge.select.files import CropSettings, IntensityJob, Settings, crop_images, measure_images
from tests.select.sections import nuclei, write_section, write_study


@pytest.fixture
def sections(tmp_path: Path) -> list[Path]:
    """The images of a small study."""
    return sorted(write_study(tmp_path).iterdir())


def settings(sections: list[Path], channel: str = "488") -> Settings:
    return Settings(channel, (sections[0].parent.parent / "RESULTS",))


def test_a_row_an_image(sections: list[Path], tmp_path: Path) -> None:
    frame, outcomes = measure_images(sections, tmp_path / "out", settings(sections))

    assert [outcome.status for outcome in outcomes] == ["done"] * 10
    assert frame["name"].tolist() == [path.stem for path in sections]
    assert frame["channel"].unique().tolist() == ["AF488"]
    assert np.allclose(frame["mean"], [*range(100, 600, 100), *range(1000, 6000, 1000)], atol=20)
    assert Path(frame["objects"].tolist()[0]).name == "Pa_OG1_s1_labels.tif"


def test_only_new_and_changed_images_are_read_again(sections: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, _ = measure_images(sections[:8], out, settings(sections))
    labels = tmp_path / "RESULTS" / "lbl" / f"{sections[1].stem}_labels.tif"
    sections[0].write_bytes(sections[9].read_bytes())
    tifffile.imwrite(labels, np.where(nuclei() == 5, nuclei(), 0).astype(np.uint16))
    sections[2].touch()
    for path in sections[3:8]:  # what is not read need not be readable
        status = path.stat()
        path.write_bytes(b"\0" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    again, outcomes = measure_images(sections[:9], out, settings(sections))

    assert [o.status for o in outcomes] == ["done"] * 3 + ["skipped"] * 5 + ["done"]
    assert again.iloc[3:8].equals(first.iloc[3:8])
    assert again["mean"].tolist()[0] > 4000
    assert again["nuclei"].tolist()[1] == 1
    _, other = measure_images(sections[2:4], out, settings(sections, channel="0"))
    assert [o.status for o in other] == ["done", "failed"]
    _, forced = measure_images(sections[1:4], out, settings(sections), existing="overwrite")
    assert [o.status for o in forced] == ["done", "done", "failed"]


def test_an_image_without_nuclei_is_remembered_too(tmp_path: Path) -> None:
    path = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)
    labels = tmp_path / "RESULTS" / "lbl" / "Pa_s1_labels.tif"
    tifffile.imwrite(labels, np.zeros((40, 60), np.uint16))

    for status in ("done", "skipped"):
        frame, outcomes = measure_images([path], tmp_path / "out", settings([path]))
        assert outcomes[0].status == status
        assert frame["nuclei"].tolist() == [0]
        assert frame["mean"].isna().all()


def test_a_damaged_record_is_named_and_kept(sections: list[Path], tmp_path: Path) -> None:
    measure_images(sections, tmp_path, settings(sections))
    record = tmp_path / IntensityJob.record
    for text in ("{", "[]", '{"images": 3}'):
        record.write_text(text)
        with pytest.raises(BadInputError, match=str(record)):
            measure_images(sections, tmp_path, settings(sections))
        assert record.read_text() == text


def test_what_fails_is_named_and_the_rest_goes_on(sections: list[Path], tmp_path: Path) -> None:
    results = tmp_path / "RESULTS" / "lbl"
    sections[0].write_bytes(b"II*\0 no more")
    (results / f"{sections[1].stem}_labels.tif").unlink()
    tifffile.imwrite(results / f"{sections[2].stem}_labels.tif", nuclei()[1:])
    tifffile.imwrite(results / f"{sections[3].stem}_labels.tif", np.stack([nuclei()] * 2))
    twin = tmp_path / sections[5].name
    twin.write_bytes(sections[5].read_bytes())

    frame, outcomes = measure_images([*sections, twin], tmp_path / "out", settings(sections))

    said = {outcome.name: outcome.error or "" for outcome in outcomes}
    assert len(frame) == 5
    assert str(sections[0]) in said[sections[0].stem]
    assert "has no objects in" in said[sections[1].stem]
    assert "_labels.tif" in said[sections[2].stem]
    assert "is 39 × 60 (YX)" in said[sections[2].stem]
    assert f"{sections[3].stem}_labels.tif: " in said[sections[3].stem]
    assert "has the same name as" in said[sections[5].stem]


def test_tables_of_measurements_stand_for_pixels(sections: list[Path], tmp_path: Path) -> None:
    table = tmp_path / "tables" / f"{sections[0].stem}_measurements.csv"
    table.parent.mkdir()
    table.write_text("label,Nucleus: Area px^2,Nucleus: AF488: Mean\n1,10,3\n2,30,7\n")
    given = Settings("488", (tmp_path / "RESULTS",), tables=table.parent)

    frame, _ = measure_images(sections[:2], tmp_path / "out", given)

    assert frame[["nuclei", "mean", "pixel_mean"]].to_numpy()[0].tolist() == [2, 5, 6]
    assert [Path(path).name for path in frame["objects"]] == [
        table.name,
        f"{sections[1].stem}_labels.tif",
    ]
    cropped = crop_images(frame, tmp_path / "out", given, CropSettings((20, 20)))
    assert [outcome.status for outcome in cropped] == ["done", "done"]


def test_crops_are_written_once_and_kept(sections: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = settings(sections)
    frame, _ = measure_images(sections[:2], out, given)
    twice = pd.concat([frame, frame])

    first = crop_images(twice, out, given, CropSettings((20, 30), "bottom-right", ("tif",)))

    assert [outcome.status for outcome in first] == ["done", "done"]
    window = {"left": 30, "top": 20, "width": 30, "height": 20, "whole": False}
    assert [outcome.result for outcome in first] == [window] * 2
    table = pd.read_csv(out / "crops" / "crops.csv")
    assert table["nuclei"].tolist() == [3, 3]
    assert table["name"].tolist() == [path.stem for path in sections[:2]]
    mine = out / "crops" / "labels" / f"{sections[0].stem}_crop_labels.tif"
    tifffile.imwrite(mine, np.ones((20, 30), np.uint16))
    second = crop_images(frame, out, given, CropSettings((20, 30), "bottom-right"))
    assert [outcome.status for outcome in second] == ["done", "done"]  # HDF5 was missing
    assert tifffile.imread(mine).all()
    third = crop_images(frame, out, given, CropSettings((20, 30), "bottom-right"))
    assert [outcome.status for outcome in third] == ["skipped", "skipped"]
    assert pd.read_csv(out / "crops" / "crops.csv").equals(table)


def test_files_are_known_again_however_their_paths_are_spelled(
    sections: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, given, crops = tmp_path / "out", settings(sections), CropSettings((20, 30))
    frame, _ = measure_images(sections[:1], out, given)
    crop_images(frame, out, given, crops)
    monkeypatch.chdir(tmp_path)
    relative = [path.relative_to(tmp_path) for path in sections[:1]]
    other = Settings("488", (Path("RESULTS"),))

    frame, measured = measure_images(relative, out, other)
    cropped = crop_images(frame, out, other, crops)

    assert [o.status for o in (*measured, *cropped)] == ["skipped", "skipped"]


def test_crops_made_otherwise_are_not_touched_unless_asked(
    sections: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = settings(sections)
    frame, _ = measure_images(sections[:1], out, given)
    crop_images(frame, out, given, CropSettings((20, 30)))
    image = out / "crops" / "images" / f"{sections[0].stem}_crop.tif"

    refused = crop_images(frame, out, given, CropSettings((10, 10)))

    assert refused[0].status == "failed"
    assert "is there already, made from other files or with other settings" in str(refused[0].error)
    assert tifffile.imread(image).shape == (2, 20, 30)
    forced = crop_images(frame, out, given, CropSettings((10, 10)), existing="overwrite")
    assert forced[0].status == "done"
    assert tifffile.imread(image).shape == (2, 10, 10)
    (out / "crops" / "crops.json").unlink()
    unknown = crop_images(frame, out, given, CropSettings((10, 10)))
    assert unknown[0].status == "failed"


def test_crops_larger_than_the_image_are_the_image(sections: list[Path], tmp_path: Path) -> None:
    given = settings(sections)
    frame, _ = measure_images(sections[:1], tmp_path / "out", given)

    cropped = crop_images(frame, tmp_path / "out", given, CropSettings((30, 99)))

    window = {"left": 0, "top": 5, "width": 60, "height": 30, "whole": True}
    assert cropped[0].result == window


def test_objects_of_any_format_give_crops(sections: list[Path], tmp_path: Path) -> None:
    from bridge import open_image

    with open_image(sections[0]) as image:
        found = Detections.from_labels(nuclei(), image=image.info)
    for ending in ("geojson", "zip", "h5"):
        folder = tmp_path / ending
        name = {"zip": "_rois.zip", "h5": "_labels.h5"}.get(ending, f".{ending}")
        found.write(folder / f"{sections[0].stem}{name}")
        given = Settings("488", (folder,))
        frame, _ = measure_images(sections[:1], folder / "out", given)
        crop_images(frame, folder / "out", given, CropSettings((20, 30), "densest", ("h5",)))
        table = pd.read_csv(next((folder / "out" / "crops" / "labels").glob("*.csv")))
        ids = dict(zip(found.objects["label"], found.ids, strict=True))
        assert table["id"].tolist() == [ids[label] for label in table["original_label"]]
        assert len(table) == 3


def test_a_folder_that_cannot_be_written_ends_the_run(sections: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(BadInputError, match="cannot be written"):
        measure_images(sections[:1], tmp_path / "out", settings(sections))


def test_several_channels_are_read_at_once(sections: list[Path], tmp_path: Path) -> None:
    given = Settings(("488", 0), (tmp_path / "RESULTS",))
    frame, outcomes = measure_images(sections[:3], tmp_path / "out", given)

    assert [outcome.objects for outcome in outcomes] == [4, 4, 4]
    assert frame["asked_channel"].tolist() == ["488"] * 3 + ["0"] * 3
    assert frame["channel"].tolist() == ["AF488"] * 3 + ["DAPI"] * 3
    for asked, channel in (("488", "488"), ("0", "0")):
        alone, _ = measure_images(sections[:3], tmp_path / asked, settings(sections, channel))
        found = frame[frame["asked_channel"] == asked].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, alone)


def test_a_record_of_one_channel_without_a_list_is_read(
    sections: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    frame, _ = measure_images(sections[:2], out, settings(sections))
    record = json.loads((out / IntensityJob.record).read_text())
    for entry in record["images"].values():
        (found,) = entry["result"].pop("channels")
        del found["asked_channel"]
        entry["result"] |= found
    (out / IntensityJob.record).write_text(json.dumps(record))

    again, outcomes = measure_images(sections[:2], out, settings(sections), existing="keep")

    assert [outcome.status for outcome in outcomes] == ["skipped", "skipped"]
    pd.testing.assert_frame_equal(again, frame)
