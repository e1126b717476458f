"""How classes are renamed, merged, left out, ordered and coloured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.aggregate.classes import ClassRules, read_class_rules
from bridge.apps.qupath.classes import read_classes
from bridge.colors import class_color
from bridge.errors import BadInputError

WHOLE = """
rename: {1: Neuron, 2: Dead, No: Astrocyte}
merge: {Neuron: [NeuN, Neuron young], Glia: Astrocyte}
drop: [Debris]
dead: Dead
order: [Neuron, Absent]
known: [Progenitor]
unclassified: Unstained
colors: {Neuron: "#ff0000"}
Glia: "#00ff00"
"""


def rules_of(tmp_path: Path, text: str) -> ClassRules:
    path = tmp_path / "classes.yaml"
    path.write_text(text, encoding="utf-8")
    return read_class_rules(path)


def test_a_whole_file(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, WHOLE)

    named = {raw: rules.name(raw) for raw in ("1", "2", "No", "NeuN", "", "Debris", "Other")}
    assert named == {
        "1": "Neuron",
        "2": "Dead",
        "No": "Glia",  # renamed first, then merged
        "NeuN": "Neuron",
        "": "Unstained",
        "Debris": "Debris",
        "Other": "Other",
    }
    found = {"c10", "c2", "Dead", "Unstained", "Debris", "Neuron"}
    assert rules.columns(found) == ("Neuron", "Absent", "c2", "c10", "Dead", "Unstained")
    assert rules.unexpected({*found, "Progenitor"}) == ("c2", "c10")
    assert rules.color("Neuron") == (255, 0, 0)
    assert rules.color("Glia") == (0, 255, 0)
    assert "#" + bytes(rules.color("c2")).hex() == class_color("c2")


def test_without_rules_every_class_stays() -> None:
    rules = ClassRules()

    assert [rules.name(name) for name in ("A", "1", "")] == ["A", "1", "Unclassified"]
    assert rules.columns({"s10", "s2", "Unclassified"}) == ("s2", "s10", "Unclassified")
    assert rules.unexpected({"A"}) == ()
    assert rules.with_dead(["D", "D"]).dead == ("D",)


def test_a_name_that_stands_for_nothing_is_a_slip(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, WHOLE)

    raw = {"1", "2", "NeuN", "Neuron young", "Other"}
    assert rules.unused(raw) == ("No", "Astrocyte", "Debris")


def test_the_colours_of_a_qupath_push_serve_here_too(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text('Neuron: "#FF0000"\ndead: "#000000"\n')

    rules = read_class_rules(path)

    assert rules.dead == ()  # a class of that name, with its colour
    assert {name: bytes(rules.color(name)).hex() for name in rules.colors} == {
        name: color[1:] for name, color in read_classes(path).items()
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("renam: {A: B}", "has an unknown key 'renam'"),
        ("rename: [A, B]", "has no pairs under 'rename'"),
        ("rename: {A: [B]}", "has no single value for 'A' under 'rename'"),
        ("rename: {A: }", "has no single value for 'A'"),
        ("merge: {N: {A: B}}", "has no list of names under 'merge'"),
        ("merge: {N: [A], M: [A]}", "merges 'A' into 'N' and 'M'"),
        ("dead: {A: B}", "has no list of names under 'dead'"),
        ("dead: [[A]]", "has no list of names under 'dead'"),
        ("unclassified: [A]", "has no name under 'unclassified'"),
        ("colors: {A: red}", "has no colour for A, but 'red'"),
        ("colors: {A: #ff0000\n}", "has no single value for 'A'"),
        ("- A", "holds no rules"),
        ("just text", "holds no rules"),
        ("a: [", "is no YAML"),
        ("[" * 5000, "classes.yaml"),
        ("? [a]\n: b", "classes.yaml"),
        ("!!python/object/apply:os.system [ls]", "holds no rules"),
    ],
)
def test_a_file_that_makes_no_sense_is_explained(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(problem)) as refused:
        rules_of(tmp_path, text)

    assert "classes.yaml: " in str(refused.value)


def test_unstained_cells_stand_between_the_living_and_the_dead_in_grey(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "dead: [Dead]\nunstained: Negative\n")

    found = {"Dead", "Negative", "Neuron", "Unclassified", "Zeta"}
    assert rules.columns(found) == ("Neuron", "Zeta", "Negative", "Dead", "Unclassified")
    assert len(set(rules.color("Negative"))) == 1
    assert rules.unused(["Neuron"]) == ("Dead", "Negative")
    assert rules.with_unstained(["Blank"]).unstained == ("Negative", "Blank")
