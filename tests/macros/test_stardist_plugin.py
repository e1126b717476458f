"""The StarDist plugin of a real Fiji. Needs ``FIJI_APP``, its folder.

``STARBRIDGE_JAVAS`` names the homes of further Javas to start it with, separated like the PATH.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.apps.doctor import try_fiji
from bridge.apps.fiji import Fiji, MacroError
from bridge.apps.fiji.finding import inspect_app
from bridge.apps.fiji.stardist_trial import MODEL, check_discs, spots_image
from bridge.java.home import java_version
from tests.macros.conftest import MACROS, NO_SESSION

FIJI = os.environ.get("FIJI_APP", "")
JAVAS = [home for home in os.environ.get("STARBRIDGE_JAVAS", "").split(os.pathsep) if home]
STARDIST = MACROS / "stardist_haug2.ijm"
pytestmark = [
    pytest.mark.fiji_app,
    pytest.mark.skipif(not FIJI, reason="needs a Fiji: set FIJI_APP"),
]


@pytest.fixture(scope="module", params=["headless", "window", "headless without starbridge"])
def in_fiji(request: pytest.FixtureRequest) -> Iterator[Fiji]:
    """Fiji without and with its window; and as a person starts it, with nothing of starbridge."""
    if request.param == "window":
        request.getfixturevalue("display")
    with Fiji(FIJI, mode="gui" if request.param == "window" else "headless") as session:
        if request.param == "headless without starbridge":
            session.run_macro(NO_SESSION)
        yield session


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model as a zip for this Fiji."""
    if given := os.environ.get("STARBRIDGE_FIJI_MODEL"):
        return Path(given)
    from models_export import export

    fitting = inspect_app(FIJI).fitting_export
    assert fitting is not None
    out = tmp_path_factory.mktemp("exported")
    export("demo", [fitting], out=out)
    return next(out.glob("*.zip"))


def test_labels_and_rois_of_nuclei(
    in_fiji: Fiji, model: Path, two_channels: Path, folder: Path
) -> None:
    in_fiji.run_macro(STARDIST, model_file=model, image_file=two_channels, result_folder=folder)

    labels = tifffile.imread(folder / "lbl" / "two channels_labels.tif")
    rois = Detections.read(folder / "roi" / "two channels_rois.zip")
    assert 100 < labels.max() < 140  # Python finds 118
    assert np.array_equal(rois.to_labels(shape=labels.shape), labels)


def test_planes_one_after_the_other_leave_nothing_behind(in_fiji: Fiji, folder: Path) -> None:
    stack = np.stack([spots_image(), spots_image()[::-1], np.full((64, 64), 100, np.uint16)])
    tifffile.imwrite(folder / "s.tif", stack, imagej=True, metadata={"axes": "ZYX"})

    in_fiji.run_macro(STARDIST, model_file=MODEL, image_file=folder / "s.tif", result_folder=folder)

    labels = tifffile.imread(folder / "lbl" / "s_labels.tif")
    assert check_discs(labels[0]) == 2
    assert check_discs(np.where(labels[1] > 0, labels[1] - 2, 0)[::-1]) == 2
    assert labels.max() == 4
    assert [image.title for image in in_fiji.images()] == []


def broken_models(folder: Path) -> dict[str, Path]:
    made = {name: folder / f"{name}.zip" for name in ("junk", "cut", "empty", "garbage")}
    made["junk"].write_bytes(b"no zip")
    made["cut"].write_bytes(MODEL.read_bytes()[:300])
    for name, entry in (("empty", "model.onnx"), ("garbage", "saved_model.pb")):
        with zipfile.ZipFile(made[name], "w") as archive:
            archive.writestr(entry, b"garbage")
    return made


@pytest.mark.parametrize("kind", ["junk", "cut", "empty", "garbage"])
def test_a_model_that_is_no_zip_for_fiji_is_told_in_one_line(
    in_fiji: Fiji, folder: Path, kind: str
) -> None:
    tifffile.imwrite(folder / "s.tif", spots_image(), imagej=True)

    with pytest.raises(MacroError) as failed:
        in_fiji.run_macro(
            STARDIST,
            model_file=broken_models(folder)[kind],
            image_file=folder / "s.tif",
            result_folder=folder,
            timeout=120,
        )

    assert "the model is no zip for Fiji, or it is damaged; write it anew" in str(failed.value)
    # the next model is not the worse for it
    in_fiji.run_macro(STARDIST, model_file=MODEL, image_file=folder / "s.tif", result_folder=folder)
    assert check_discs(tifffile.imread(folder / "lbl" / "s_labels.tif")) == 2


@pytest.mark.parametrize("java", JAVAS or [""], ids=lambda home: home or "usual Java")
def test_the_doctor_sees_stardist_work(java: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if java:
        monkeypatch.setenv("JAVA_HOME", java)

    tried = try_fiji(FIJI, timeout=180)

    assert tried.status == "ok", tried.found
    assert "found the 2 nuclei" in tried.found
    if java and inspect_app(FIJI).java is None:
        assert f"Java {java_version(Path(java))}," in tried.found
