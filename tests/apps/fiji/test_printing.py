"""Output of a macro, and errors that are told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.apps.fiji import EMBEDDED, Fiji, MacroError
from bridge.apps.fiji.worker.printing import MacroOutput

MACROS = Path(__file__).parents[3] / "macros"
PRINT = ("ij.IJ.log", "ij.macro.Functions.print", "ij.macro.Interpreter.run")
ERROR = ("ij.IJ.showMessage", "ij.IJ.error", "ij.macro.Functions.open", "ij.macro.Interpreter.run")
EXIT = ("ij.IJ.showMessage", "ij.macro.Functions.exit", "ij.macro.Interpreter.run")
TRACE = "java.lang.RuntimeException: no\n\tat ij.IJ.run(IJ.java:1)\n"


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def output(printed: list[str]) -> MacroOutput:
    return MacroOutput(printed.append)


def test_prints_are_passed_on_at_once(output: MacroOutput, printed: list[str]) -> None:
    output.take("one\n", PRINT)
    assert printed == ["one\n"]


def test_the_error_that_ends_a_macro_is_not_printed(
    output: MacroOutput, printed: list[str]
) -> None:
    output.take("File not found: \n/a.tif\n", ERROR)
    output.take(TRACE, PRINT)
    output.end("line 1: File not found: /a.tif")
    assert printed == []


def test_errors_that_a_macro_survives_are_printed(output: MacroOutput, printed: list[str]) -> None:
    output.take("a.tif is damaged\n", ERROR)
    output.take(TRACE, PRINT)
    output.take("going on\n", PRINT)
    output.take("b.tif is damaged\n", ERROR)
    output.end("line 7: b.tif cannot be opened")
    assert printed == [TRACE, "going on\n", "a.tif is damaged\n"]


def test_a_macro_that_reaches_its_end_loses_nothing(
    output: MacroOutput, printed: list[str]
) -> None:
    output.take("a.tif is damaged\n", ERROR)
    output.take(TRACE, PRINT)
    output.end(None)
    assert printed == ["a.tif is damaged\n", TRACE]


def test_the_text_of_the_last_exit_is_known(output: MacroOutput, printed: list[str]) -> None:
    assert output.exit_text is None
    output.take("inner\n", EXIT)
    output.take("two\nlines\n", EXIT)
    assert output.exit_text == "two lines"
    output.end("two lines")
    assert output.exit_text is None
    assert printed == []


@pytest.fixture(scope="module")
def heard() -> list[str]:
    """Lines that the session passed on."""
    return []


@pytest.fixture(scope="module")
def session(heard: list[str]) -> Iterator[Fiji]:
    """ImageJ without a window, whose output is heard."""
    with Fiji(EMBEDDED, on_print=heard.append) as fiji:
        yield fiji


@pytest.mark.imagej
@pytest.mark.network
@pytest.mark.parametrize(
    ("macro", "told", "before"),
    [
        ('print("a"); exit("no\\nluck");', "line 1: no luck", ["a"]),
        ('function stop() { exit("no luck"); }\nstop();', "no luck", []),
        ('open("/not there.tif");', "File not found: /not there.tif", []),
        ('requires("9.99z");', "requires ImageJ 9.99z", []),
        ('call("ij.IJ.error", "title", "no luck"); print("on");', "no luck", ["on"]),
        ("eval('exit(\"no luck\")'); print('on');", "a macro that it runs failed: no luck", ["on"]),
        ("x = nothing;", "Undefined variable", []),
        ('print("why"); exit;', "stopped before its end", ["why"]),
    ],
)
def test_one_failure_of_a_macro_is_told_once(
    session: Fiji, heard: list[str], macro: str, told: str, before: list[str]
) -> None:
    heard.clear()
    with pytest.raises(MacroError, match=told):
        session.run_macro(macro)
    assert heard == before


@pytest.mark.imagej
@pytest.mark.network
def test_a_file_that_is_no_image_is_told_of_once(
    session: Fiji, heard: list[str], tmp_path: Path
) -> None:
    heard.clear()
    damaged = tmp_path / "a.tif"
    damaged.write_bytes(b"junk")
    with pytest.raises(MacroError, match=r"a\.tif"):
        session.run_macro(
            MACROS / "push_rois.ijm", image_file=damaged, roi_file=tmp_path / "no.zip"
        )
    assert heard == []
