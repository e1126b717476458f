"""The demo model is small and complete, and its card is true."""

from __future__ import annotations

import pytest

from bridge.model.folder import demo_model_folder
from bridge.training.evaluation import evaluate, microscope_pair

pytestmark = pytest.mark.model

FILES = {"config.json", "thresholds.json", "weights_best.h5", "recipe.json", "README.md"}


def test_the_packaged_folder_is_complete_and_small() -> None:
    files = list(demo_model_folder().iterdir())
    assert {file.name for file in files} == FILES
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_the_card_states_the_figures_that_are_measured() -> None:
    card = (demo_model_folder() / "README.md").read_text(encoding="utf-8")
    for score in evaluate("demo", [microscope_pair()], ious=(0.5, 0.7)).scores:
        (line,) = (
            line
            for line in card.splitlines()
            if line.startswith(f"| StarDist's test image | {score.iou:g} |")
        )
        assert float(line.split("|")[-2]) == pytest.approx(score.f1, abs=0.01)
