"""Groovy or JavaScript in macros, where starbridge has not started ImageJ."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.fiji import Fiji, MacroError, planning
from bridge.apps.fiji.embedded import fetch_imagej
from bridge.java.home import find_java_home
from bridge.java.jars import Progress, fetch_jar
from tests.macros.conftest import MACROS, NO_SESSION
from tools.build_scripts import LANGUAGES, Library, build_script

pytestmark = [pytest.mark.imagej, pytest.mark.network]
LIBRARIES = {
    # of old Fijis, of a version that reads no class files of Java 17 and later, and of today
    "Groovy 2.4": [("org.codehaus.groovy", "groovy", "2.4.8")],
    "Groovy 3.0": [("org.codehaus.groovy", "groovy", "3.0.4")],
    "Groovy 4.0": [("org.apache.groovy", "groovy", "4.0.26")],
    "JavaScript": [
        ("org.openjdk.nashorn", "nashorn-core", "15.6"),
        *(
            ("org.ow2.asm", name, "9.7.1")
            for name in ("asm", "asm-commons", "asm-tree", "asm-util")
        ),
    ],
}


@pytest.fixture(scope="module", params=LIBRARIES)
def scripted(request: pytest.FixtureRequest) -> Iterator[Fiji]:
    """ImageJ without a window, with a script language and without starbridge's classes."""
    if request.param == "JavaScript":
        release = (find_java_home() or Path()) / "release"
        if not release.is_file() or "jdk.dynalink" not in release.read_text("utf-8"):
            pytest.skip("needs a Java with jdk.dynalink: set JAVA_HOME")
    jars = [fetch_jar(*library) for library in LIBRARIES[request.param]]

    def fetch(progress: Progress) -> tuple[Path, tuple[Path, ...]]:
        java, usual = fetch_imagej(progress)
        return java, (*usual, *jars)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "fetch_imagej", fetch)
        with Fiji("embedded") as fiji:
            fiji.run_macro(NO_SESSION)
            yield fiji


def built(tmp_path: Path, main: str) -> str:
    """Return a macro with the functions of the library that it calls."""
    path = tmp_path / "main.ijm"
    path.write_text(f'// A test.\n\nvar macroName = "main.ijm";\n\n{main}', "utf-8")
    language = next(known for known in LANGUAGES if known.ending == ".ijm")
    return build_script(path, Library.read(MACROS / "lib", language), language)


def test_rois_are_saved_and_loaded(scripted: Fiji, folder: Path, mask: NDArray[np.uint16]) -> None:
    tifffile.imwrite(folder / "a.tif", mask, imagej=True)

    scripted.run_macro(
        MACROS / "labels_to_rois.ijm", label_file=folder / "a.tif", roi_file=folder / "a.zip"
    )
    scripted.run_macro(
        MACROS / "rois_to_labels.ijm",
        roi_file=folder / "a.zip",
        given_width=mask.shape[1],
        given_height=mask.shape[0],
        label_file=folder / "b.tif",
    )

    found = Detections.read(folder / "a.zip").to_labels(shape=mask.shape)
    assert np.array_equal(found, mask)
    assert np.array_equal(tifffile.imread(folder / "b.tif"), mask)


def test_names_of_rois_are_file_names_and_differ(
    scripted: Fiji, folder: Path, tmp_path: Path
) -> None:
    main = """
newImage("x", "8-bit", 20, 20, 1);
names = newArray("a/b", "a/b", "A:B", "c.roi", "C.ROI", "d\\\\e", "");
for (i = 0; i < names.length; i++) {
    makeRectangle(i, i, 3, 3);
    Overlay.addSelection;
    Overlay.activateSelection(i);
    Roi.setName(names[i]);
    Overlay.removeRois("none");
}
stopOn(saveRois(getArgument()));
Overlay.remove;
stopOn(loadRois(getArgument()));
all = "";
for (i = 0; i < Overlay.size; i++) {
    Overlay.activateSelection(i);
    all = all + Roi.getName + "\\n";
}
return all;
"""
    result = scripted.run_macro(built(tmp_path, main), argument=str(folder / "r.zip"))

    with zipfile.ZipFile(folder / "r.zip") as archive:
        stored = archive.namelist()
        boxes = [roifile.ImagejRoi.frombytes(archive.read(name)).left for name in stored]
    assert boxes == list(range(7))
    assert [name.removesuffix(".roi") for name in stored] == (result.value or "").splitlines()
    assert stored[:6] == ["a_b.roi", "a_b-2.roi", "A_B-3.roi", "c.roi", "C-2.roi", "d_e.roi"]


def test_what_is_no_roi_set_is_said(scripted: Fiji, folder: Path) -> None:
    (folder / "broken.zip").write_bytes(b"no zip")
    with zipfile.ZipFile(folder / "odd.zip", "w") as archive:
        archive.writestr("0001.roi", b"no ROI")
    for name in ("broken.zip", "odd.zip"):
        with pytest.raises(MacroError, match=f"{name} cannot be read as a RoiSet.zip"):
            scripted.run_macro(
                MACROS / "rois_to_labels.ijm",
                roi_file=folder / name,
                given_width=5,
                given_height=5,
                label_file=folder / "l.tif",
            )


def test_values_reach_groovy_as_they_are(scripted: Fiji, tmp_path: Path) -> None:
    main = """
setValue("text", getArgument());
if (!hasGroovy()) return "no Groovy";
result = runGroovy("return value('text') + '|' + value('other')");
return result + "|" + takeValue("text") + "|" + takeValue("text");
"""
    hard = 'it\'s "q" $x ${1} \\ \\n [b] é µ'
    value = scripted.run_macro(built(tmp_path, main), argument=hard).value

    assert value in (f"{hard}||{hard}|", "no Groovy")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "it cannot be unzipped: "),
        (None, "it has no saved_model.pb"),
    ],
)
def test_a_model_that_is_no_zip_for_fiji_is_said(
    scripted: Fiji, folder: Path, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    model = folder / "model.zip"
    if content is None:
        with zipfile.ZipFile(model, "w") as archive:
            archive.writestr("model.onnx", b"")
    else:
        model.write_bytes(content)
    main = """
if (!hasGroovy()) return "no Groovy";
newImage("plane", "8-bit", 20, 20, 1);
settings = starDistSettings(getArgument(), 0.5, 0.4, 1, 2);
problem = runStarDist("plane", settings);
return problem;
"""
    value = scripted.run_macro(built(tmp_path, main), argument=str(model)).value or ""

    if value != "no Groovy":
        assert value.startswith("StarDist failed: the model is no zip for Fiji, or it is damaged;")
        assert reason in value
        assert "\n" not in value
