"""Put a trained model into the package as the built-in one, with its card.

The commands that train it are in its card (``bridge/demo/model/README.md``)::

    python -m tools.built_in_model FIRST SECOND
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.files.atomic import write_bytes
from bridge.model.folder import demo_model_folder, open_model
from bridge.training.evaluation.evaluating import evaluate, microscope_pair
from bridge.training.record import (
    RECORD_FILE,
    Comparison,
    TrainingRecord,
    load_training_record,
)
from bridge.training.report.card import CARD_FILE, CardFacts, card_markdown

_DATA = "BBBC038"
_SETTINGS = ("config.json", "thresholds.json", "recipe.json")
_WEIGHTS = "weights_best.h5"
COMMANDS = (
    f"starbridge pairs {_DATA}/ --out DATASET --simulated 80 --split 0.84,0.06,0.1",
    "starbridge train DATASET --new --like fluo --out FIRST --steps 30000 --learning-rate 0.001 "
    "--validate-every 2000 --patience 99",
    "starbridge train DATASET --from FIRST --out fluo --steps 12000 --validate-every 1000 "
    "--patience 99 --no-rehearsal --seed 2",
)
ABOUT = (
    "A small StarDist 2D model that outlines nuclei in one channel of fluorescence (DAPI, Hoechst "
    "or alike). It comes with starbridge as fluo; demo is another name of it. It was trained on "
    "fluorescence images of the 2018 Data Science Bowl, stage 1, with the corrections of its "
    "community, and on simulated nuclei. The images are the Broad Bioimage Benchmark Collection's "
    f"set {_DATA} (bbbc.broadinstitute.org/{_DATA}, CC0): images/ID.tif are the grey ones, "
    "masks/ID.tif their nuclei, a number each."
)
LIMITS = (
    "Dense tissue sections whose nuclei are 10 pixels across: none of them was among the images "
    "held out, and the network predicts at every second pixel only. Fine-tune it on some of yours.",
    "Brightfield and H&E stains; nuclei far from star-shaped.",
    "StarDist's test image is not among the images it was trained on, but others of the same "
    "experiment are.",
)


def merge_records(first: TrainingRecord, second: TrainingRecord) -> TrainingRecord:
    """Return the record of two trainings, one after the other, without paths of a machine."""
    done = first.history[-1].step
    later = [replace(point, step=point.step + done) for point in second.history]
    held = second.comparisons[0]
    return replace(
        second,
        model="fluo",
        start={},
        command="",
        data=tuple(
            replace(
                part,
                source=_DATA + (", simulated nuclei" if part.role == "train" else ""),
                licence="CC0",
            )
            for part in second.data
        ),
        pairs=tuple(replace(pair, source="") for pair in second.pairs),
        history=(*first.history, *later),
        best_step=(second.best_step or 0) + done,
        comparisons=(replace(held, before=()), _on_microscope_image()),
        seconds=(first.seconds or 0) + (second.seconds or 0),
    )


def _on_microscope_image() -> Comparison:
    pair = microscope_pair()
    scores = evaluate(str(demo_model_folder()), [pair]).scores
    return Comparison(name="StarDist's test image", images=1, objects=pair.count, after=scores)


def main() -> None:
    """Write the files of the built-in model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    given = parser.parse_args()
    target = demo_model_folder()
    for name in _SETTINGS:
        content = json.loads((given.second / name).read_text("utf-8"))
        write_bytes(target / name, (json.dumps(content, indent=1) + "\n").encode())
    shutil.copyfile(given.second / _WEIGHTS, target / _WEIGHTS)
    record = merge_records(load_training_record(given.first), load_training_record(given.second))
    write_bytes(target / RECORD_FILE, (json.dumps(record.to_json()) + "\n").encode())
    with TemporaryDirectory() as folder:
        named = Path(folder) / "fluo"
        shutil.copytree(target, named)
        facts = CardFacts(
            model=open_model(named),
            record=record,
            about=ABOUT,
            licence="BSD-3-Clause",
            limits=LIMITS,
            title="fluo, the built-in model of starbridge",
            commands=COMMANDS,
        )
        text, drawings = card_markdown(facts)
    for path, content in {**drawings, CARD_FILE: text.encode()}.items():
        write_bytes(target / path, content)


if __name__ == "__main__":
    main()
