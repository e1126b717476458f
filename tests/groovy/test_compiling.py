"""Every script compiles to classes, in each Groovy that QuPath brings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from tests.groovy.conftest import NAMES, SCRIPTS, Groovy
from tests.groovy.worker import CLASSES_BELOW


def test_all_scripts_are_tested() -> None:
    assert sorted(path.stem for path in SCRIPTS.glob("*.groovy")) == sorted(NAMES)


@pytest.mark.imagej
@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_it_compiles(groovy: Groovy, name: str) -> None:
    classes = groovy.compile(name)

    assert classes[name] > 5_000
    assert all(size > 0 for size in classes.values())


@pytest.mark.imagej
@pytest.mark.network
def test_the_class_in_qupath_s_process_can_be_read(groovy: Groovy) -> None:
    source = files("bridge.apps.qupath.worker").joinpath("PackedObjects.groovy")

    assert "PackedObjects" in groovy.parse(Path(str(source)))


@pytest.mark.imagej
@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_script_can_be_read(groovy: Groovy, name: str) -> None:
    source = SCRIPTS / f"{name}.groovy"

    assert ("PackedObjects" in groovy.parse(source)) == (CLASSES_BELOW in source.read_text("utf-8"))


@pytest.mark.imagej
@pytest.mark.network
def test_elements_of_arrays_are_reached_directly(groovy: Groovy) -> None:
    source = """
    @groovy.transform.CompileStatic
    class Points {
        static double[] doubled(double[] xy) {
            for (int i = 0; i < xy.length; i++) xy[i] = 2 * xy[i]
            return xy
        }
    }
    """

    assert not groovy.links(source)
