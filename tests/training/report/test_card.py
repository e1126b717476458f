"""The model card says what a model is, what made it and how good it is, in Markdown and HTML."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import Segmenter
from bridge.model.folder import demo_model_folder, open_model
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.evaluation.fields import FieldCollector
from bridge.training.record import Comparison, DataPart, HistoryStep, TrainingRecord
from bridge.training.report.card import CardFacts, card_markdown, draw_history, write_card
from tests.training.evaluation.test_evaluating import simulated

HOSTILE = "<script>alert(1)</script> | [x](javascript:alert(2))"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> CardFacts:
    """What a short training would say of the demo model."""
    folder = tmp_path_factory.mktemp("models") / "nuclei"
    shutil.copytree(demo_model_folder(), folder)
    pairs = [simulated(name, seed) for seed, name in enumerate("abcd", 1)]
    collector = FieldCollector("nuclei", worst=2, best=1)
    before, after = evaluate(
        [Segmenter.load("demo", prob=0.8), folder],
        pairs,
        on_image=lambda k, pair, image, found: collector.add(pair, image, found) if k else None,
    )
    record = TrainingRecord(
        model="nuclei",
        start={"name": "demo", "sha256": "ab" * 32},
        command="starbridge train pairs --model demo --out nuclei",
        settings={"steps": 300, "patch size": (160, 160), "learning rate": 3e-4},
        versions={"TensorFlow": "2.20.0", "StarDist": "0.9.2"},
        data=(
            DataPart(role="train", source="review/", images=6, objects=129, licence="CC0"),
            DataPart(role="test", source="review/", images=4, objects=78),
        ),
        history=tuple(
            HistoryStep(step=25 * k, loss=2 / (k + 2), validation_f1=0.9 - 0.3 / k)
            for k in range(1, 41)
        ),
        best_step=275,
        comparisons=(
            Comparison(
                name="new images, held out",
                images=4,
                objects=after.score().n_true,
                before=before.scores,
                after=after.scores,
            ),
            Comparison(name="old images", images=4, objects=10, after=after.scores),
        ),
        started="2026-01-31T12:00:00Z",
        seconds=640,
    )
    return CardFacts(
        model=open_model(folder),
        record=record,
        about="Nuclei of the lab's sections.",
        worst=collector.worst,
        best=collector.best,
        licence="CC-BY-4.0",
        limits=("Not for tissue that was cleared.",),
    )


def test_the_card_states_the_scores_before_and_after(facts: CardFacts) -> None:
    text, _ = card_markdown(facts)
    (new, _old) = facts.record.comparisons
    assert "new images, held out: 4 images, " in text
    for earlier, later in zip(new.before, new.after, strict=True):
        row = next(line for line in text.splitlines() if line.startswith(f"| {later.iou:g} |"))
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        assert cells[:3] == [f"{later.iou:g}", f"{earlier.f1:.3f}", f"{later.f1:.3f}"]
        qualities = (earlier.panoptic_quality, later.panoptic_quality)
        assert cells[-2:] == [f"{value:.3f}" for value in qualities]


def test_the_card_says_what_made_the_model(facts: CardFacts) -> None:
    text, _ = card_markdown(facts)
    for expected in (
        "# nuclei\n",
        "| architecture | StarDist, 2D U-Net, depth 3",
        "| began with | demo (SHA-256 abababababab…) |",
        "| licence | CC-BY-4.0 |",
        "| train | review/ | 6 | 129 | CC0 |",
        "| test | review/ | 4 | 78 | not stated |",
        "    starbridge train pairs --model demo --out nuclei\n",
        "| patch size | 160, 160 |",
        "| TensorFlow | 2.20.0 |",
        "It took 11 minutes. The weights are those of step 275.",
        "- Not for tissue that was cleared.\n- Expect less on images",
    ):
        assert expected in text


def test_the_course_of_the_training_is_drawn_and_listed_in_part(facts: CardFacts) -> None:
    assert len(draw_history(facts.record.history)) == 2
    text, files = card_markdown(facts)
    rows = [line for line in text.splitlines() if re.match(r"\| \d+ \| 0\.\d+ \| 0\.\d+ \|$", line)]
    assert len(rows) == 12
    assert (rows[0][:6], rows[-1][:8]) == ("| 25 |", "| 1000 |")
    assert sum(name.endswith(".svg") for name in files) == 2


def test_the_files_of_the_card_are_beside_it(facts: CardFacts, tmp_path: Path) -> None:
    paths = write_card(tmp_path, facts)
    text = (tmp_path / "README.md").read_text("utf-8")
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(shown) == 5
    assert {tmp_path / name for name in shown} <= set(paths)
    assert all(path.is_file() for path in paths)
    page = (tmp_path / "card.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert page.count("data:image/png") == 3
    assert "<script>/**" not in page  # plotly


def test_what_others_wrote_is_text(facts: CardFacts, tmp_path: Path) -> None:
    record = replace(
        facts.record,
        model=HOSTILE,
        settings={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
        data=(DataPart(role="train", source=HOSTILE, images=1, objects=1, licence=HOSTILE),),
    )
    write_card(tmp_path, replace(facts, record=record, about=HOSTILE, licence=HOSTILE))
    for name in ("README.md", "card.html"):
        assert "<script>alert" not in (tmp_path / name).read_text("utf-8")
    assert "[x](javascript" not in (tmp_path / "README.md").read_text("utf-8").replace(r"\]", "")


def test_little_is_enough_for_a_card(facts: CardFacts, tmp_path: Path) -> None:
    write_card(tmp_path, CardFacts(model=facts.model, record=TrainingRecord(model="a")))
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "| began with | random weights |" in text
    assert "None" not in text
    assert "nan" not in text


def test_without_jinja2_there_is_the_markdown(
    facts: CardFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jinja2" else sys)
    write_card(tmp_path, facts)
    assert (tmp_path / "README.md").is_file()
    assert not (tmp_path / "card.html").exists()
