"""A channel has one name in Python, in a session with ImageJ and in the macros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from bridge import Detections, open_image
from bridge.apps.fiji import Fiji
from bridge.measure import measure
from tests.macros.conftest import MACROS

pytestmark = [pytest.mark.imagej, pytest.mark.network]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (None, ["C1", "C2", "C3"]),
        (["DAPI", "488", "C3"], ["DAPI", "488", "C3"]),
        (["DAPI", "", "488"], ["C1", "C2", "C3"]),
        (["488", "488", "DAPI"], ["C1", "C2", "C3"]),
        (["c:1/3 - DAPI", "c:2/3 - 488", "c:3/3 - 555"], ["DAPI", "488", "555"]),
        (["C0", "C1", "C2"], ["C0", "C1", "C2"]),
    ],
)
def test_a_channel_has_one_name(
    headless: Fiji, folder: Path, labels: list[str] | None, names: list[str]
) -> None:
    pixels = np.stack([np.full((12, 15), value, np.uint16) for value in (10, 20, 30)])
    metadata = {"axes": "CYX"} | ({"Labels": labels} if labels else {})
    tifffile.imwrite(folder / "a.tif", pixels, imagej=True, metadata=metadata)
    nuclei = Detections.from_polygons([shapely.box(2, 2, 8, 8)])
    nuclei.write(folder / "a_rois.zip")
    means = dict(zip(names, (10, 20, 30), strict=True))

    with open_image(folder / "a.tif") as image:
        in_python = measure(nuclei, image).iloc[0]
    headless.run_macro(
        MACROS / "measure_rois.ijm",
        image_file=folder / "a.tif",
        roi_file=folder / "a_rois.zip",
        table_folder=folder,
    )
    (table,) = folder.rglob("a_table.csv")
    header, row = (line.split(",") for line in table.read_text().splitlines())
    in_macro = dict(zip(header, row, strict=True))
    headless.clear()
    headless.run_macro("#@ File image\nopen(image);", image=folder / "a.tif")
    headless.push(None, nuclei)
    in_session = headless.measure().iloc[0]

    assert {name: in_python[f"Nucleus: {name}: Mean"] for name in names} == means
    assert {name: float(in_macro[f"{name}_Mean"]) for name in names} == means
    assert {name: in_session[f"{name}: Mean"] for name in names} == means
    for found, ending in ((in_python, ": Mean"), (in_macro, "_Mean"), (in_session, ": Mean")):
        assert sum(str(column).endswith(ending) for column in dict(found)) == len(names)
