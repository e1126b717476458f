"""Macros, and the values they are given in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps.fiji.arguments import as_options, read_macro, read_values
from bridge.errors import BadInputError

MACRO = (
    "#@ String text\n#@ Integer whole\n#@ Double real\n#@ Boolean truth\n#@ File file\nprint(1);"
)


def test_words_become_values_of_the_parameters_types() -> None:
    words = ["text=a = b", "whole=7", "real=0.25", "truth=no", "file=/a b/c.tif"]

    assert read_values(MACRO, words) == {
        "text": "a = b", "whole": 7, "real": 0.25, "truth": False, "file": "/a b/c.tif",
    }  # fmt: skip


def test_a_macro_without_parameters_takes_any_word() -> None:
    assert read_values("print(1);\n", ["a=1", "b=x y"]) == {"a": "1", "b": "x y"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("whole=many", "wants a whole number for whole, not 'many'"),
        ("real=", "wants a number for real, not ''"),
        ("truth=perhaps", "wants true or false for truth"),
        ("loose", "is no parameter of a macro; give NAME=VALUE"),
    ],
)
def test_words_that_do_not_fit_are_named(word: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_values(MACRO, [word])


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="is given whole twice"):
        read_values(MACRO, ["whole=1", "whole=2"])


def test_a_text_of_several_lines_is_a_macro_and_a_file_name_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.ijm"
    file.write_text("\ufeffprint('µ');", encoding="utf-8")

    assert read_macro("print(1);\n// x.ijm") == ("macro", "print(1);\n// x.ijm")
    assert read_macro(str(file)) == (str(file), "print('µ');")


def test_a_macro_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ijm").write_bytes(b"\xff\xfe\x00x")

    with pytest.raises(BadInputError, match="a.ijm: is no text"):
        read_macro(tmp_path / "a.ijm")


def test_options_are_written_as_imagej_reads_them() -> None:
    assert as_options({"a": "x y", "b": True, "c": Path("/p"), "d": ""}) == (
        "a=[x y] b=true c=/p d=[]"
    )
    with pytest.raises(BadInputError, match="unpaired brackets"):
        as_options({"a": "x ] y"})
