"""The interactive page of a study: what its figures show."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bridge.aggregate.report import write_report
from bridge.aggregate.study import NOTE, Study
from bridge.errors import BadInputError
from bridge.pictures.page import plot_text
from tests.aggregate.studies import COLORS, HOSTILE, nothing, renamed, simulated

ALL, LIVING = 1, 2
CONDITION, ORGANOID, CLASS = "figure-1", "figure-2", "figure-3"


@pytest.fixture
def study() -> Study:
    return simulated(4)


def page(study: Study, folder: Path) -> str:
    """The page without plotly.js."""
    write_report(study, folder / "study.html")
    text = (folder / "study.html").read_text("utf-8")
    start = text.find("<script>/**")
    if start < 0:
        return text
    return text[:start] + text[text.index("</script>", start) + len("</script>") :]


def figure(text: str, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of a figure."""
    start = re.search(rf'Plotly.newPlot\(\s*"{name}",\s*', text)
    assert start
    decoder = json.JSONDecoder()
    traces, end = decoder.raw_decode(text, start.end())
    layout, _ = decoder.raw_decode(text, text.index("{", end))
    return traces, layout


def numbers(values: Any) -> np.ndarray[Any, Any]:
    """Numbers of a trace, which plotly may pack."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.array([math.nan if value is None else value for value in values], float)


def test_bars_by_condition_are_the_mean_proportions(study: Study, tmp_path: Path) -> None:
    text = page(study, tmp_path)

    for choice, cells in ((ALL, "all"), (LIVING, "without dead")):
        traces, layout = figure(text, f"{CONDITION}-{choice}")
        wanted = study.conditions[study.conditions["Cells"] == cells]
        assert [trace["name"] for trace in traces] == list(wanted["Class"].unique())
        for trace in traces:
            rows = wanted[wanted["Class"] == trace["name"]]
            np.testing.assert_allclose(numbers(trace["y"]), rows["mean"])
            assert trace["x"] == ["WT", "KO"]
            assert trace["marker"]["color"] == "#" + bytes(COLORS[trace["name"]]).hex()
            assert "n = 3" in trace["hovertext"][0]
        assert layout["barmode"] == "stack"


def test_bars_by_organoid_stand_by_condition(tmp_path: Path) -> None:
    study = simulated(4, genotypes={"Pa": "KO", "Pb": "WT", "Pc": "KO"})

    traces, layout = figure(page(study, tmp_path), f"{ORGANOID}-{ALL}")

    conditions, organoids = traces[0]["x"]
    assert conditions == ["KO"] * 6 + ["WT"] * 3
    assert organoids[::3] == ["Pa · OG1", "Pc · OG1", "Pb · OG1"]
    assert layout["xaxis"]["type"] == "multicategory"
    rows = study.curated.set_index(["Genotype", "Clone", "Organoid"])
    for trace in traces:
        wanted = [
            rows.loc[(condition, *organoid.split(" · ")), f"Proportion of {trace['name']}"]
            for condition, organoid in zip(conditions, organoids, strict=True)
        ]
        np.testing.assert_allclose(numbers(trace["y"]), wanted)


@pytest.mark.parametrize(("choice", "of"), [(ALL, ("Dead",)), (LIVING, ())])
def test_hovering_says_the_organoid_and_its_counts(
    choice: int, of: tuple[str, ...], study: Study, tmp_path: Path
) -> None:
    first = study.curated.iloc[0]
    total = first[["Neuron", "Progenitor", "Unstained", *of]].sum()

    traces, _ = figure(page(study, tmp_path), f"{ORGANOID}-{choice}")

    assert traces[0]["hovertext"][0] == (
        f"<b>Pa · WT · dQ · J70 · SNd2T · OG1</b><br>Neuron: {first['Neuron'] / total:.1%}<br>"
        f"{first['Neuron']:,} of {total:,} objects in 5 slices"
    )


def test_points_are_organoids_and_bars_their_mean_and_error(study: Study, tmp_path: Path) -> None:
    text = page(study, tmp_path)

    for choice, cells in ((ALL, "all"), (LIVING, "without dead")):
        wanted = study.conditions[study.conditions["Cells"] == cells]
        traces, layout = figure(text, f"{CLASS}-{choice}")
        columns = study.proportion_columns(without_dead=choice == LIVING)
        assert [one["text"] for one in layout["annotations"]] == list(columns)
        for name, points, means in zip(columns, traces[::2], traces[1::2], strict=True):
            np.testing.assert_allclose(numbers(points["y"]), study.curated[columns[name]])
            places = np.round(numbers(points["x"]))
            assert places.tolist() == [0] * 3 + [1] * 6
            rows = wanted[wanted["Class"] == name]
            np.testing.assert_allclose(numbers(means["y"]), rows["mean"])
            np.testing.assert_allclose(numbers(means["error_y"]["array"]), rows["sem"])


def test_one_organoid_has_no_error(tmp_path: Path) -> None:
    study = simulated(2, genotypes={"Pa": "WT"})

    traces, _ = figure(page(study, tmp_path), f"{CLASS}-{ALL}")

    assert np.isnan(numbers(traces[1]["error_y"]["array"])).all()
    assert "SEM –, n = 1" in traces[1]["hovertext"][0]


def test_without_dead_classes_there_is_no_switch(tmp_path: Path) -> None:
    with_dead, without = page(simulated(4), tmp_path), page(simulated(4, dead=()), tmp_path)

    assert with_dead.count(">Without dead</button>") == 3
    assert ">Without dead</button>" not in without
    assert without.count("Plotly.newPlot(") == 3


def test_tables_hold_organoids_excluded_and_parameters(study: Study, tmp_path: Path) -> None:
    text = page(study, tmp_path)

    assert text.count("<tr><td>Pa</td><td>WT</td>") == len(study.organoids.query("Clone == 'Pa'"))
    for reason in study.excluded["Reason"]:
        assert f"<td>{reason}</td>" in text
    for value in study.parameters["Value"]:
        assert f"<td>{value}</td>" in text


def test_the_head_says_how_much_there_is(study: Study, tmp_path: Path) -> None:
    text = page(study, tmp_path)

    assert "<h1>study: counts and proportions</h1>" in text
    total = study.slices["Total"].sum()
    assert f"48 tables, 12 organoids (9 curated), {total:,} objects" in text


def test_what_was_noticed_stands_first(study: Study, tmp_path: Path) -> None:
    notes = pd.DataFrame({"Parameter": [NOTE, NOTE], "Value": ["a <b>", "c"]})
    noted = replace(study, parameters=pd.concat([study.parameters, notes]))

    text = page(noted, tmp_path)

    assert '<h2>Notes</h2>\n<p class="note">a &lt;b&gt;\nc</p>' in text
    assert text.index("<h2>Notes") < text.index("<h2>By condition")
    assert "<h2>Notes" not in page(study, tmp_path)


def test_names_of_files_and_classes_are_harmless(tmp_path: Path) -> None:
    study = renamed(simulated(4), "Neuron", HOSTILE)
    study = replace(
        study,
        slices=study.slices.assign(Table=HOSTILE),
        organoids=study.organoids.assign(Organoid=HOSTILE),
        curated=study.curated.assign(Organoid=study.curated["Organoid"] + HOSTILE),
        excluded=study.excluded.assign(Reason=HOSTILE),
    )

    text = page(study, tmp_path)

    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script>")
    for part in (CONDITION, ORGANOID):
        traces, _ = figure(text, f"{part}-{ALL}")
        assert traces[0]["name"] == plot_text(HOSTILE)
        assert "<script" not in json.dumps(traces)
    traces, layout = figure(text, f"{CLASS}-{ALL}")
    assert "<script" not in json.dumps([traces, layout["annotations"]])


def test_where_nothing_is_curated_all_organoids_are_shown(tmp_path: Path) -> None:
    study = simulated(4, min_slices=9)

    text = page(study, tmp_path)

    assert "No organoid has enough slices: all are shown." in text
    assert "By condition" not in text
    traces, _ = figure(text, "figure-1-1")
    assert len(numbers(traces[0]["y"])) == len(study.organoids)


def test_a_study_of_nothing_is_written(tmp_path: Path) -> None:
    text = page(nothing(), tmp_path)

    assert "0 tables, 0 organoids (0 curated), 0 objects" in text
    assert "Plotly.newPlot(" not in text
    assert text.count('<p class="note">None.</p>') == 3
    assert len(text) < 100_000  # plotly.js has 4 MB, and nothing draws with it


def test_many_organoids_widen_the_figure(tmp_path: Path) -> None:
    _, few = figure(page(simulated(4), tmp_path), f"{ORGANOID}-{ALL}")
    _, many = figure(page(simulated(50, slices=1, min_slices=1), tmp_path), f"{ORGANOID}-{ALL}")

    assert "width" not in few
    assert many["width"] > 150 * 12


def test_the_same_study_gives_the_same_bytes(study: Study, tmp_path: Path) -> None:
    write_report(study, tmp_path / "study.html")
    before = (tmp_path / "study.html").read_bytes()
    write_report(study, tmp_path / "study.html")

    assert (tmp_path / "study.html").read_bytes() == before


def test_what_cannot_be_written_is_said(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match="cannot be written"):
        write_report(study, tmp_path / "file" / "study.html")
