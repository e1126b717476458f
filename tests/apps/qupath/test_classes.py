"""Colours of classes from a YAML file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.apps.qupath.classes import check_class_names, name_in_qupath, read_classes
from bridge.errors import BadInputError


def file_of(folder: Path, text: str | bytes) -> Path:
    path = folder / "classes.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_and_colours_are_read_in_their_order(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        "# ours\nNeuron: \"#FF0000\"\n'Immune: CD3+': '#00ff7f'\nGröße/核: \"#010203\"  # small\n",
    )

    assert list(read_classes(path).items()) == [
        ("Neuron", "#ff0000"), ("Immune: CD3+", "#00ff7f"), ("Größe/核", "#010203")
    ]  # fmt: skip


def test_windows_line_ends_and_byte_order_mark_are_taken(tmp_path: Path) -> None:
    path = file_of(tmp_path, b'\xef\xbb\xbfNeuron: "#ff0000"\r\nGlia: "#00ff00"\r\n')

    assert read_classes(path) == {"Neuron": "#ff0000", "Glia": "#00ff00"}


@pytest.mark.parametrize("name", ["No", "yes", "on", "null", "~", "1", "1.0", "0x10", "1_000"])
def test_a_class_is_called_what_stands_in_the_file(tmp_path: Path, name: str) -> None:
    assert read_classes(file_of(tmp_path, f'{name}: "#ff0000"')) == {name: "#ff0000"}


def test_a_colour_without_quotes_is_a_comment_and_is_said(tmp_path: Path) -> None:
    path = file_of(tmp_path, "Neuron: #ff0000")

    with pytest.raises(BadInputError) as caught:
        read_classes(path)
    assert str(caught.value) == (
        f"{path}: has no colour for Neuron, but nothing that is one; "
        'write lines such as Neuron: "#ff0000"'
    )


@pytest.mark.parametrize(
    "color",
    ["red", "ff0000", '"#f00"', '"#ff00000"', '"#gg0000"', '"#ff0000 "', "255", '"#1234５6"'],
)
def test_what_is_no_colour_is_said(tmp_path: Path, color: str) -> None:
    plain = color.strip('"')

    with pytest.raises(BadInputError, match=f"has no colour for Glia, but '{plain}'; write lines"):
        read_classes(file_of(tmp_path, f'Neuron: "#ff0000"\nGlia: {color}'))


@pytest.mark.parametrize("value", ["[255, 0, 0]", "{r: 255}", "", "[]"])
def test_a_colour_is_a_text(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadInputError, match="has no colour for Glia, but nothing that is one"):
        read_classes(file_of(tmp_path, f"Glia: {value}"))


@pytest.mark.parametrize("text", ['- Neuron: "#ff0000"', "Neuron", "# nothing", "---", "[" * 5000])
def test_what_lists_no_classes_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError, match="holds no classes|is no YAML"):
        read_classes(file_of(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        '{Neuron: "#ff0000"',
        'Neuron: "#ff0000\n',
        b"Neuron: \xff\xfe",
        "a: b: c",
        "? [a]\n: b",
        'a: "#ff0000"\n---\nb: "#ff0000"',
        "\x00",
        "a: *b",
    ],
)
def test_what_is_no_yaml_is_said_in_one_line(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(BadInputError, match=r"is no YAML \(.+\); write lines such as") as caught:
        read_classes(file_of(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:pathlib.Path.touch [{}]",
        "!!python/object/new:os.system [touch {}]",
        "!!python/name:os.system",
        "!!python/module:os",
    ],
)
def test_nothing_in_the_file_is_run(tmp_path: Path, tag: str) -> None:
    made = tmp_path / "made"

    with pytest.raises(BadInputError):
        read_classes(file_of(tmp_path, f"Neuron: {tag.format(made)}"))
    assert not made.exists()


def test_a_file_that_unfolds_into_very_much_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    with pytest.raises(BadInputError, match="has no colour for a0, but nothing that is one"):
        read_classes(file_of(tmp_path, "\n".join(lines)))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        read_classes(tmp_path / "none.yaml")
    with pytest.raises(BadInputError, match="is a folder"):
        read_classes(tmp_path)
    with pytest.raises(BadInputError, match="is empty"):
        read_classes(file_of(tmp_path, ""))


@pytest.mark.parametrize(
    "name",
    ["Tumor", "Tumor: Positive", "a: b: c", "a  b", "CD3+", "µ 核", "null", "a.b", "[x]", "0"],
)
def test_a_name_that_qupath_keeps_is_taken(name: str) -> None:
    assert name_in_qupath(name) == name
    check_class_names([None, name], "a.tif")


@pytest.mark.parametrize(
    ("name", "becomes", "remedy"),
    [
        ("Tumor:Positive", "'Tumor: Positive'", "rename it to 'Tumor: Positive'"),
        (" lead", "'lead'", "rename it to 'lead'"),
        ("a : b", "'a: b'", "rename it to 'a: b'"),
        ("a\nb", "'a: b'", "rename it to 'a: b'"),
        ("a\u00a0", "'a'", "rename it to 'a'"),
        ("a\x07b", "'ab'", "rename it to 'ab'"),
        ("a::b", "no class", "give it another name"),
        ("a: ", "no class", "give it another name"),
        ("", "no class", "give it another name"),
        ("Unclassified", "no class", "give it another name"),
    ],
)
def test_a_name_that_qupath_would_change_is_refused(name: str, becomes: str, remedy: str) -> None:
    with pytest.raises(BadInputError) as caught:
        check_class_names(["Tumor", name], "a.tif")

    assert str(caught.value) == (
        f"a.tif: has the class {name!r}, of which QuPath makes {becomes}; {remedy}"
    )


@given(st.text())
def test_the_name_that_is_proposed_is_kept(name: str) -> None:
    proposed = name_in_qupath(name)

    assert proposed is None or name_in_qupath(proposed) in (proposed, None)


def test_a_file_of_colours_with_such_a_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "classes.yaml"
    file.write_text('"Tumor:Positive": "#ff0000"', "utf-8")

    with pytest.raises(BadInputError, match="rename it to 'Tumor: Positive'"):
        read_classes(file)
