"""Scripts for the open image and the command hand each other arrays, and ask for steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.apps.qupath.packing import Packed
from tests.groovy.conftest import SCRIPTS, Groovy
from tests.groovy.test_logic import quoted
from tools.build_scripts import LANGUAGES, Library

pytestmark = [pytest.mark.imagej, pytest.mark.network]


@pytest.fixture
def files_script(tmp_path: Path) -> str:
    """A script with the functions for packed files, and no class of QuPath."""
    language = next(one for one in LANGUAGES if one.folder == "groovy")
    library = Library.read(SCRIPTS / "lib", language)
    functions = library.needed("writePacked()\nreadPacked()")
    text = "".join(library.imports.values()) + "\n".join(f.text for f in functions)
    (tmp_path / "files.groovy").write_text(text, "utf-8")
    return str(tmp_path / "files")


ARRAYS: dict[str, NDArray[Any]] = {
    "kind": np.array([0, 1, -1], np.int8),
    "plane": np.arange(-7, 2_000_000, 3, dtype=np.int32),
    "xy": np.array([0.1, -1e300, np.nan, np.inf]),
    "nothing": np.array([], np.int32),
}


def test_python_reads_the_arrays_that_groovy_writes(
    groovy: Groovy, files_script: str, tmp_path: Path
) -> None:
    numbers = (
        "[kind: [0, 1, -1] as byte[], plane: (-7..<2000000).step(3) as int[],"
        " xy: [0.1d, -1e300d, Double.NaN, Double.POSITIVE_INFINITY] as double[],"
        " nothing: new int[0]]"
    )
    texts = "[ids: ['a', null, 'µ \"quoted\" \\n'], names: []]"

    folder = quoted(tmp_path / "packed")
    groovy.ask(files_script, f"script.writePacked({folder}, {numbers}, {texts})")

    packed = Packed.load(tmp_path / "packed")
    assert packed.texts == {"ids": ["a", None, 'µ "quoted" \n'], "names": []}
    assert packed.arrays.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert packed.arrays[name].dtype == values.dtype
        assert np.array_equal(packed.arrays[name], values, equal_nan=True)


def test_groovy_reads_the_arrays_that_python_writes(
    groovy: Groovy, files_script: str, tmp_path: Path
) -> None:
    Packed(ARRAYS, {"ids": ["a", None, "µ"]}).save(tmp_path)

    read = (
        f"def p = script.readPacked({quoted(tmp_path)});"
        "[p.kind as List, p.plane.length, p.plane[-1], p.xy[0], p.xy[1],"
        " Double.isNaN(p.xy[2]), Double.isInfinite(p.xy[3]), p.nothing.length, p.ids,"
        " p.kind.class.name + p.plane.class.name + p.xy.class.name]"
    )
    found = groovy.ask(files_script, read)

    plane = ARRAYS["plane"]
    assert found[:3] == [[0, 1, -1], len(plane), int(plane[-1])]
    assert found[3:] == [0.1, -1e300, True, True, 0, ["a", None, "µ"], "[B[I[D"]


def test_an_array_of_another_kind_is_refused(
    groovy: Groovy, files_script: str, tmp_path: Path
) -> None:
    Packed({"xy": np.ones((2, 2))}, {}).save(tmp_path)

    said = groovy.refusal(files_script, f"script.readPacked({quoted(tmp_path)})")

    assert "cannot be read" in said


ASKING_COMMAND = """
import sys
print("first")
for step in ("objects", "save"):
    print("starbridge asks: " + step, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        open(sys.argv[1], "w").close()
        sys.exit("the script has ended")
print("last " + answer.strip())
"""


def asking(tmp_path: Path, steps: str) -> str:
    """Groovy that runs a command which asks for steps; its value is what was shown and done."""
    command = tmp_path / "command.py"
    command.write_text(ASKING_COMMAND, "utf-8")
    words = quoted([sys.executable, str(command), str(tmp_path / "ended")])
    run = f"script.runCommand({words}, {{ shown << it }}, {steps})"
    return f"def shown = [], done = []; {run}; [shown, done]"


def test_the_steps_that_a_command_asks_for_are_done(groovy: Groovy, tmp_path: Path) -> None:
    steps = "[objects: { done << 'objects' }, save: { done << 'save' }]"

    found = groovy.ask("run_starbridge", asking(tmp_path, steps))

    assert found == [["first", "last done"], ["objects", "save"]]


def test_a_step_that_fails_ends_the_command(groovy: Groovy, tmp_path: Path) -> None:
    steps = "[objects: { }, save: { throw new IOException('disk full') }]"

    assert groovy.refusal("run_starbridge", asking(tmp_path, steps)) == "disk full"

    assert (tmp_path / "ended").exists()
