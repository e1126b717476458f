"""One registry of formats, which everything else reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.cli import main
from bridge.errors import BadInputError
from bridge.formats import layout, write_all
from bridge.formats.layout import DEFAULT_FORMATS, FORMATS, FormatSpec, by_rank, places, spec_of
from bridge.formats.pairing import pair

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
TOY = '''
"""Toy format: the ids of the objects."""

from bridge import Detections


def write(detections, path):
    with open(path, "w") as stream:
        stream.write(" ".join(detections.ids))


def read(path, *, image=None):
    import shapely

    ids = open(path).read().split()
    return Detections.from_polygons([shapely.box(0, 0, 9, 9)] * len(ids), ids=ids, image=image)
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FormatSpec:
    """A format of one new file and one new line."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "toy_format.py").write_text(TOY)
    monkeypatch.syspath_prepend(modules)
    spec = FormatSpec("toy", "toy_format", (".toy",), "toys/{name}.toy", rank=7)
    monkeypatch.setitem(FORMATS, "toy", spec)
    return spec


@pytest.mark.usefixtures("toy")
def test_a_new_format_is_read_written_and_found(tmp_path: Path, square: Detections) -> None:
    square.write(tmp_path / "out" / "a.geojson")
    (tmp_path / "out" / "toys").mkdir()

    write_all(square, [path := tmp_path / "out" / places()["toy"].format(name="b")])

    assert Detections.read(path).ids == square.ids
    assert pair([tmp_path / "a.tif", tmp_path / "b.tif"], [tmp_path / "out"]) == [
        (tmp_path / "a.tif", tmp_path / "out" / "a.geojson"),
        (tmp_path / "b.tif", path),
    ]
    assert "toy" in [spec.key for spec in by_rank()]


@pytest.mark.usefixtures("toy")
def test_a_new_format_is_known_to_the_command(
    tmp_path: Path, square: Detections, monkeypatch: pytest.MonkeyPatch
) -> None:
    square.write(tmp_path / "a_rois.zip")
    (tmp_path / "toys").mkdir()
    words = ["--format", "toy", "--format", "csv"]
    monkeypatch.setattr(
        sys, "argv", ["starbridge", "convert", str(tmp_path / "a_rois.zip"), str(tmp_path), *words]
    )

    try:
        main()
    except SystemExit as ended:
        assert not ended.code  # noqa: PT017 - a command may end so
    assert (tmp_path / "toys" / "a.toy").read_text() == square.ids[0]
    assert Detections.read(tmp_path / "tables" / "a.csv").ids == square.ids


def test_every_format_reads_what_it_writes(tmp_path: Path, square: Detections) -> None:
    for spec in FORMATS.values():
        path = tmp_path / spec.place.format(name="a")
        square.write(path)

        assert spec_of(path) is spec
        assert len(Detections.read(path)) == 1


def test_no_two_formats_share_an_ending_a_place_or_a_rank() -> None:
    specs = FORMATS.values()
    endings = [ending for spec in specs for ending in spec.endings]

    assert len(set(endings)) == len(endings)
    assert len({spec.place for spec in specs}) == len({spec.rank for spec in specs}) == len(specs)
    assert set(DEFAULT_FORMATS) <= set(places())


def test_an_ending_that_ends_another_is_no_hindrance() -> None:
    assert spec_of("a.ome.TIF").key == "labels"
    assert spec_of("a.geojson.gz").key == "geojson"
    with pytest.raises(BadInputError, match="no ending that starbridge knows"):
        spec_of("a.gz")


def test_the_registry_loads_no_format_and_no_library() -> None:
    code = (
        "import sys, bridge, bridge.formats.layout\n"
        "print(*(m for m in sys.modules if m.startswith('bridge.formats.')))\n"
        "print(*({'numpy', 'pandas', 'h5py', 'tifffile', 'roifile'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )

    assert done.stdout.split() == ["bridge.formats.layout"]


def test_the_documentation_lists_every_format_as_the_registry_has_it() -> None:
    assert layout.markdown_table() in DOCS.read_text(encoding="utf-8")


def test_label_images_are_the_formats_that_need_a_size(tmp_path: Path) -> None:
    labels: Any = np.ones((4, 4), np.uint16)
    found = Detections.from_labels(labels)
    for spec in FORMATS.values():
        if spec.needs_size:
            spec.load().write(found, path := tmp_path / f"a{spec.endings[0]}", labels=2 * labels)
            assert Detections.read(path).objects["label"].tolist() == [2]
    assert tifffile.imread(tmp_path / "a.tif").max() == 2
