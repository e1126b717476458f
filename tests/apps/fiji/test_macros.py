"""Macros in a session: values arrive, results come back, and no failure is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps.fiji import EMBEDDED, Fiji, FijiTimeoutError, MacroError
from bridge.errors import BadInputError
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.imagej, pytest.mark.network]

AWKWARD = "a b'c\"d\\e [f] {g} =h; #1 %20 µ€核 𝛼\ttab\nline"


def test_what_a_macro_returns_and_prints_comes_back(fiji: Fiji) -> None:
    result = fiji.run_macro("print('one');\nprint('µ€核');\nreturn 'a' + 1;")

    assert result.value == "a1"
    assert result.printed.splitlines() == ["one", "µ€核"]
    assert result.table is None
    assert result.images == ()
    assert len(result.rois) == 0


def test_script_parameters_take_any_text_unharmed(fiji: Fiji) -> None:
    macro = (
        "#@ String text\n#@ Double number\n#@ Boolean truth\n"
        "return text + '|' + (number * 2 + truth);"
    )

    result = fiji.run_macro(macro, text=AWKWARD, number=0.25, truth=True)

    assert result.value == AWKWARD + "|1.5"


def test_a_macro_without_script_parameters_gets_an_argument(fiji: Fiji) -> None:
    assert fiji.run_macro("return getArgument();", argument=AWKWARD).value == AWKWARD
    assert fiji.run_macro("return getArgument();", a="x y", b=3).value == "a=[x y] b=3"


def test_a_parameter_of_any_name_can_be_given(headless: Fiji) -> None:
    macro = "#@ Integer timeout\n#@ String argument\nreturn argument + timeout;"

    assert headless.run_macro(macro, {"timeout": 7, "argument": "m"}).value == "m7"


def test_files_with_odd_names_are_run_and_opened(fiji: Fiji, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s [a] "folder" µ 核'
    folder.mkdir()
    macro = folder / "my macro's.ijm"
    macro.write_text(
        "#@ File out\nnewImage('x', '8-bit ramp', 9, 7, 1);\nsaveAs('Tiff', out);\nclose();\n"
        "open(out);\nreturn getTitle();\n",
        encoding="utf-8",
    )

    result = fiji.run_macro(macro, out=folder / "an image.tif")

    assert result.value == "an image.tif"
    assert (folder / "an image.tif").stat().st_size > 63


def test_the_results_table_images_and_rois_come_back(fiji: Fiji) -> None:
    result = fiji.run_macro(
        "newImage('ramp', '16-bit ramp', 30, 20, 1);\n"
        "makeRectangle(2, 3, 5, 4);\n"
        "Overlay.addSelection;\n"
        "setResult('A', 0, 1.5); setResult('B', 0, 'x');\n"
        "setResult('A', 1, NaN); setResult('B', 1, '');\n"
        "updateResults();"
    )

    assert result.table is not None
    assert result.table["A"].iloc[0] == 1.5
    assert result.table["A"].isna().tolist() == [False, True]
    assert result.table["B"].tolist() == ["x", ""]
    (image,) = result.images
    assert (image.title, image.width, image.height, image.bits) == ("ramp", 30, 20, 16)
    assert result.rois.objects.geometry.iloc[0].bounds == (2, 3, 7, 7)
    pixels = fiji.image(image).plane()
    assert pixels.shape == (20, 30)
    assert pixels[0, 0] < pixels[0, -1]


def test_one_macro_sees_nothing_of_another_if_it_wants_to(fiji: Fiji) -> None:
    fiji.run_macro("newImage('left over', '8-bit', 5, 5, 1); setResult('A', 0, 1);")

    result = fiji.run_macro("return '' + nImages + ' ' + nResults;", fresh=True)

    assert result.value == "0 0"


def test_prints_are_heard_while_the_macro_runs(tmp_path: Path) -> None:
    heard: list[str] = []
    answer = tmp_path / "heard"

    def hear(line: str) -> None:
        heard.append(line)
        answer.touch()

    with Fiji(EMBEDDED, on_print=hear) as fiji:
        fiji.run_macro(
            "#@ File answer\nprint('begun');\nwhile (!File.exists(answer)) wait(10);",
            timeout=PATIENCE,
            answer=answer,
        )

    assert heard == ["begun"]


@pytest.mark.parametrize(
    ("macro", "line", "message"),
    [
        ("x = 1;\ny = foo(2);\n", 2, "Undefined identifier"),
        ("x = 1;\n\ny = (;\n", 3, "Number or numeric function expected"),
        ("a = newArray(3);\nprint(a[7]);", 2, "Index (7) out of 0-2 range"),
        ("function f(x) {\n  return x[9];\n}\nprint(f(newArray(2)));", 2, "out of 0-1 range"),
        ("\nrun('Nonsense');\nprint('after');", 2, 'Unrecognized command: "Nonsense"'),
        ("\nrun('Gaussian Blur...', 'sigma=2');", 2, "There are no images open"),
        ("open('/no such.tif');\nprint('after');", 1, "File not found: /no such.tif"),
        ("runMacro('/no such.ijm');\nprint('after');", 1, "/no such.ijm"),
        ("\nexit('my message');", 2, "my message"),
        ("exit();", 1, "stopped before its end, by exit() or a cancelled dialog"),
    ],
)
def test_every_failure_is_an_error_that_says_where_and_what(
    fiji: Fiji, macro: str, line: int, message: str
) -> None:
    with pytest.raises(MacroError) as caught:
        fiji.run_macro(macro, timeout=PATIENCE)

    assert caught.value.line == line
    assert message in caught.value.message
    assert "\n" not in str(caught.value)
    assert fiji.run_macro("return 'alive';").value == "alive"


def test_the_failure_of_a_macro_that_a_macro_runs_is_told(fiji: Fiji, tmp_path: Path) -> None:
    (tmp_path / "inner.ijm").write_text("x = foo(1);")

    with pytest.raises(MacroError, match="Undefined identifier in line 1"):
        fiji.run_macro(
            "#@ File inner\nrunMacro(inner);\nprint('after');", inner=tmp_path / "inner.ijm"
        )


@pytest.mark.parametrize(
    "macro",
    [
        "waitForUser('look');",
        "x = getNumber('a number', 3);",
        "Dialog.create('x'); Dialog.addNumber('a', 1); Dialog.show();",
        "roiManager('reset');",
    ],
)
def test_what_wants_a_window_says_so_without_one(headless: Fiji, macro: str) -> None:
    with pytest.raises(MacroError, match='wants a window .* mode="gui"'):
        headless.run_macro(macro, timeout=PATIENCE)


def test_a_dialog_that_nobody_answers_ends_with_the_time_out(window: Fiji) -> None:
    with pytest.raises(FijiTimeoutError, match="took longer than 2 s"):
        window.run_macro("waitForUser('look');", timeout=2)

    assert window.run_macro("return 'alive';").value == "alive"


def test_an_endless_macro_is_stopped_and_the_session_goes_on(fiji: Fiji) -> None:
    with pytest.raises(FijiTimeoutError, match="took longer than 1 s and was stopped"):
        fiji.run_macro("while (true) wait(1);", timeout=1)

    assert fiji.run_macro("return 'alive';").value == "alive"


def test_a_macro_that_does_not_hear_ends_the_session_and_says_so(headless: Fiji) -> None:
    # Java may compile a loop so that it never looks again whether it should stop
    with pytest.raises(FijiTimeoutError, match="was stopped|start a new session") as caught:
        headless.run_macro("while (true) x = 1;", timeout=1)

    assert headless.running == str(caught.value).endswith("was stopped")


def test_out_of_memory_says_what_to_do(headless: Fiji) -> None:
    with pytest.raises(MacroError, match=r"ran out of memory; start with a larger heap than 2g"):
        headless.run_macro(
            "for (i = 0; i < 99; i++) newImage('' + i, '32-bit ramp', 20000, 20000, 1);"
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs a value for number"),
        ({"number": "many"}, "number"),
        ({"number": 1, "other": 2}, "has no parameter other"),
    ],
)
def test_values_are_checked_before_imagej_sees_them(
    headless: Fiji, values: dict[str, str | int], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        headless.run_macro("#@ Integer number\nreturn number;", values)


def test_a_macro_that_is_not_there_is_named(headless: Fiji, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no such macro"):
        headless.run_macro(tmp_path / "none.ijm")
