"""A training from pairs to a model folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import Segmenter
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.model.folder import open_model
from bridge.model.keras_weights import load_weights
from bridge.training.data import TrainingData
from bridge.training.learning.network import build_network, plan_network
from bridge.training.learning.training import SilentListener, Trained, train_model
from bridge.training.pairs import TrainingPair
from bridge.training.record import HistoryStep, load_training_record
from bridge.training.rehearsal import OldDomain
from tests.training.scenes import TINY, disc_pair, quick

pytestmark = pytest.mark.model

FILES = {"config.json", "thresholds.json", "weights_best.h5", "recipe.json", "training.json"}


def some_data(**changes: Any) -> TrainingData:
    given: dict[str, Any] = {
        "pairs": [disc_pair(f"train_{n}", n) for n in range(2)],
        "validation": [disc_pair("val", 10)],
        "test": [disc_pair("test", 11)],
    }
    return TrainingData(**(given | changes))


def train(data: TrainingData, out: Path, **options: Any) -> Trained:
    given: dict[str, Any] = {"start": None, "architecture": TINY, "settings": quick()}
    return train_model(data, out, **(given | options))


class StoppingListener(SilentListener):
    """Raises an error at a validation, or after a number of steps."""

    def __init__(self, error: BaseException, *, validation: int = 0, step: int = 0) -> None:
        self.error, self.validation, self.step = error, validation, step
        self.seen: list[HistoryStep] = []

    def stepped(self, step: int, steps: int, loss: float) -> None:
        if step == self.step:
            raise self.error

    def validated(self, point: HistoryStep, is_best: bool) -> None:
        self.seen.append(point)
        if len(self.seen) == self.validation:
            raise self.error


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model that was trained from nothing for some steps."""
    return train(some_data(), tmp_path_factory.mktemp("trained") / "discs")


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a training that lost its power after the first validation."""
    out = tmp_path_factory.mktemp("stopped") / "model"
    with pytest.raises(ConnectionError):
        train(some_data(), out, listener=StoppingListener(ConnectionError(), step=3))
    return out.with_name("model.training")


@pytest.fixture
def stopped(interrupted: Path, tmp_path: Path) -> Path:
    """The folder that the training was to write; its working folder lies beside it."""
    shutil.copytree(interrupted, tmp_path / interrupted.name)
    return tmp_path / "model"


def test_the_configuration_says_how_it_was_trained(trained: Trained) -> None:
    config = json.loads((trained.path / "config.json").read_text("utf-8"))
    used = trained.record.settings
    assert config["train_patch_size"] == [used["patch"]] * 2
    assert config["train_batch_size"] == used["batch_size"]
    assert config["train_epochs"] * config["train_steps_per_epoch"] >= used["steps"]


def test_the_folder_is_a_model_of_stardist_and_of_ours(tmp_path: Path) -> None:
    """Both find the same objects with its weights, thresholds and percentiles."""
    from csbdeep.utils import normalize
    from stardist.matching import matching
    from stardist.models import StarDist2D

    settings = quick(steps=1, learning_rate=1e-5)
    folder = train(some_data(), tmp_path / "discs", start="demo", settings=settings).path
    pair = disc_pair("new", 12)
    segmenter = Segmenter.load(folder)
    ours = segmenter.segment(from_array(pair.image[..., 0], axes="YX")).to_labels()
    network = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
    theirs, _ = network.predict_instances(
        normalize(pair.image[..., 0], *segmenter.recipe.percentiles)
    )

    assert theirs.max() >= 10
    assert matching(theirs, ours, thresh=0.95).f1 == 1
    assert matching(pair.labels, ours, thresh=0.5).f1 > 0.8


def test_the_record_says_what_was_done(trained: Trained) -> None:
    record = load_training_record(trained.path)

    assert {file.name for file in trained.path.iterdir()} == FILES | {"logs"}
    assert [path.name for path in trained.path.parent.iterdir()] == ["discs"]
    assert record.to_json() == trained.record.to_json()
    assert [point.step for point in record.history] == [2, 4]
    assert record.best_step in (2, 4)
    assert {part.role: part.objects > 0 for part in record.data} == {
        "train": True,
        "validation": True,
        "test": True,
    }
    assert record.settings["precision"] == "float32"
    assert record.seconds is not None
    recipe = open_model(trained.path).recipe
    assert (recipe.prob, recipe.nms) == (record.thresholds["prob"], record.thresholds["nms"])
    assert recipe.diameter == pytest.approx(11.7, abs=1.5)
    assert trained.is_better
    assert trained.lines[0].startswith("new images, held out (1 images")


def test_tensorboard_shows_the_validations(trained: Trained) -> None:
    from tensorflow.compat.v1.train import summary_iterator
    from tensorflow.python.framework.tensor_util import MakeNdarray

    found: dict[tuple[int, str], float] = {}
    for file in (trained.path / "logs").iterdir():
        for event in summary_iterator(str(file)):
            for value in event.summary.value:
                found[event.step, value.tag] = float(MakeNdarray(value.tensor))

    for point in trained.record.history:
        assert point.validation_f1 is not None
        assert found[point.step, "validation_f1"] == pytest.approx(point.validation_f1)
        assert found[point.step, "loss"] == pytest.approx(point.loss)


def test_validation_is_held_out_where_none_is_given(tmp_path: Path) -> None:
    data = some_data(validation=(), test=())

    done = train(data, tmp_path / "model", settings=quick(steps=2))

    roles = {part.role: part for part in done.record.data}
    assert roles["validation"].objects > 0
    assert "test" not in roles
    assert any(note.startswith("Validation: a quarter of each image") for note in done.record.notes)
    assert done.record.comparisons[0].name.startswith("new images that chose the best state")


def test_ctrl_c_after_a_validation_writes_the_best_state(tmp_path: Path) -> None:
    listener = StoppingListener(KeyboardInterrupt(), validation=1)

    done = train(some_data(), tmp_path / "model", listener=listener)

    assert [point.step for point in done.record.history] == [2]
    assert "Stopped by hand; the best state is of step 2." in done.record.notes
    assert {file.name for file in done.path.iterdir()} == FILES | {"logs"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    Segmenter.load(done.path)


def test_ctrl_c_before_a_validation_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(
            some_data(), tmp_path / "model", listener=StoppingListener(KeyboardInterrupt(), step=1)
        )

    assert not (tmp_path / "model").exists()


def have_same_weights(one: Trained, other: Trained) -> bool:
    """Tell whether two models have the same weights, bit for bit."""
    network, _ = build_network(plan_network(some_data().pairs, None, TINY), 1)
    load_weights(network, one.path / "weights_best.h5")
    first = network.get_weights()
    load_weights(network, other.path / "weights_best.h5")
    return all(np.array_equal(a, b) for a, b in zip(first, network.get_weights(), strict=True))


def test_a_stopped_training_goes_on_to_the_same_weights(
    stopped: Path, trained: Trained, tmp_path: Path
) -> None:
    whole = trained

    resumed = train(some_data(), stopped, resume=True)

    assert have_same_weights(resumed, whole)
    for ours, theirs in zip(resumed.record.history, whole.record.history, strict=True):
        assert replace(ours, seconds=None) == replace(theirs, seconds=None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_training_that_was_stopped_while_comparing_keeps_its_best_state(
    trained: Trained, tmp_path: Path
) -> None:
    class Stops(SilentListener):
        def stage(self, text: str) -> None:
            if text == "evaluating":
                raise ConnectionError

    whole = trained
    with pytest.raises(ConnectionError):
        train(some_data(), tmp_path / "model", listener=Stops())

    resumed = train(some_data(), tmp_path / "model", resume=True)

    assert have_same_weights(resumed, whole)
    assert resumed.record.thresholds == whole.record.thresholds


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": quick(learning_rate=2e-3)},
        {"architecture": replace(TINY, filters=5)},
        {"data": some_data(pairs=[disc_pair(f"train_{n}", n + 5) for n in range(2)])},
        {"data": some_data(validation=[disc_pair("val", 15)])},
        {
            "data": some_data(
                pairs=[replace(p, ranges=((0, 9000),)) for p in some_data().pairs],
            )
        },
        {
            "data": some_data(
                pairs=[replace(p, labels=np.maximum(p.labels - 1, 0)) for p in some_data().pairs],
            )
        },
        {
            "data": some_data(
                pairs=[replace(p, classes={1: "odd"}) for p in some_data().pairs],
            )
        },
    ],
    ids=["settings", "architecture", "images", "validation", "ranges", "labels", "classes"],
)
def test_a_stopped_training_of_other_settings_or_data_is_refused(
    changed: dict[str, Any], stopped: Path
) -> None:
    work = stopped.with_name("model.training")
    before = {file: file.read_bytes() for file in work.rglob("*") if file.is_file()}
    given = dict(changed)
    data = given.pop("data", some_data())

    with pytest.raises(BadInputError, match="is of a training with other data or settings"):
        train(data, stopped, resume=True, **given)

    assert {file: file.read_bytes() for file in before} == before
    assert not stopped.exists()


def damaged(state: bytes) -> dict[str, bytes]:
    """Contents of a state file that cannot be gone on from."""
    changed = bytearray(state)
    changed[len(state) // 2] ^= 0xFF
    return {
        "empty": b"",
        "half": state[: len(state) // 2],
        "changed": bytes(changed),
        "text": b"no state",
        "another zip": b"PK\x05\x06" + bytes(18),
    }


@pytest.mark.parametrize("kind", list(damaged(b"  ")))
def test_a_damaged_state_is_refused_in_one_line(kind: str, stopped: Path) -> None:
    file = stopped.with_name("model.training") / "state.npz"
    file.write_bytes(damaged(file.read_bytes())[kind])

    with pytest.raises(BadInputError, match=r"state\.npz: is damaged; remove its folder") as caught:
        train(some_data(), stopped, resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "facts", [b"{}", b"[]", b"7", b'{"key": 1, "history": [{"a": 1}]}', b"\xff", b"null"]
)
def test_a_state_with_other_facts_is_refused(facts: bytes, stopped: Path) -> None:
    file = stopped.with_name("model.training") / "state.npz"
    np.savez(file, facts=np.frombuffer(facts, np.uint8))

    with pytest.raises(BadInputError, match="is damaged"):
        train(some_data(), stopped, resume=True)


def test_a_training_that_was_stopped_is_not_overwritten(stopped: Path) -> None:
    with pytest.raises(BadInputError, match=r"model\.training: is there.*--resume, or remove"):
        train(some_data(), stopped)


def test_a_loss_that_is_no_number_ends_the_training_in_one_line(
    trained: Trained, tmp_path: Path
) -> None:
    start = tmp_path / "broken"
    shutil.copytree(trained.path, start)
    network, _ = build_network(plan_network(some_data().pairs, open_model(start)), 1)
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])
    network.save_weights(str(start / "weights_best.h5"))

    with pytest.raises(
        BadInputError, match="went astray at step 1: its loss is no number.*lower --learning-rate"
    ) as caught:
        train(some_data(), tmp_path / "model", start=start)
    assert "\n" not in str(caught.value)


def renamed(pair: TrainingPair, name: str) -> TrainingPair:
    return replace(pair, name=name, group=name)


@pytest.mark.parametrize("kept", ["pairs", "old", "validation"])
@pytest.mark.parametrize("judge", ["validation", "test"])
def test_an_image_that_judges_itself_is_refused(kept: str, judge: str, tmp_path: Path) -> None:
    if kept == judge:
        pytest.skip("the same list")
    twin = disc_pair("a", 50)
    copies = [renamed(twin, "b")]
    first = {"old": OldDomain(trained=(twin,))} if kept == "old" else {kept: [twin]}

    with pytest.raises(BadInputError, match=f"b: is for {judge}, and the same image is .* as a"):
        train(some_data(**(first | {judge: copies})), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_blank_images_are_not_the_same_image() -> None:
    blank = TrainingPair(name="a", image=np.zeros((64, 64)), labels=np.zeros((64, 64), int))

    some_data(pairs=[blank], test=[renamed(blank, "b")]).refuse_shared()


def test_images_of_other_channels_are_refused(trained: Trained, tmp_path: Path) -> None:
    colors = disc_pair("colors", 3, channels=3)
    out = tmp_path / "model"

    with pytest.raises(BadInputError, match="colors: has 3 channels, and discs takes 1; choose 1"):
        train(some_data(pairs=[colors]), out, start=trained.path)
    for changed in (
        {"pairs": [disc_pair("a", 0), colors]},
        {"test": [colors]},
        {"old": OldDomain(checked=(colors,))},
    ):
        with pytest.raises(BadInputError, match="colors: has 3 channels, and others have 1"):
            train(some_data(**changed), out)
    assert not list(tmp_path.iterdir())


def test_a_3d_model_is_refused(trained: Trained, tmp_path: Path) -> None:
    start = tmp_path / "deep"
    shutil.copytree(trained.path, start)
    config = json.loads((start / "config.json").read_text(encoding="utf-8"))
    config |= {"n_dim": 3, "grid": [1, 2, 2]}
    (start / "config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(BadInputError, match="a 3D model"):
        train(some_data(), tmp_path / "model", start=start)


def test_a_model_that_is_no_better_gets_another_name(trained: Trained, tmp_path: Path) -> None:
    settings = quick(steps=1, learning_rate=1e-9)
    old = OldDomain((disc_pair("old", 30),), (disc_pair("check", 31),), "discs of before")

    done = train(some_data(old=old), tmp_path / "model", start=trained.path, settings=settings)
    again = train(some_data(), tmp_path / "model", start=trained.path, settings=settings)

    assert (done.is_better, again.is_better) == (False, False)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "model.not-better",
        "model.not-better-2",
    ]
    assert {file.name for file in done.path.iterdir()} >= FILES
    after, before = done.record.comparisons[0].after, done.record.comparisons[0].before
    assert len(after) == len(before) > 0
    assert done.record.comparisons[1].name == "old domain: discs of before"
    assert done.record.start["sha256"] == open_model(trained.path).sha256


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="exists already"):
        train(some_data(), tmp_path)


def test_pairs_without_objects_leave_nothing_behind(tmp_path: Path) -> None:
    empty = TrainingPair(name="a", image=np.eye(64), labels=np.zeros((64, 64), int))

    with pytest.raises(BadInputError, match="have no object in all"):
        train(TrainingData(pairs=[empty]), tmp_path / "model")
    sparse = replace(disc_pair("b", 1), image=1.0 * (np.arange(96 * 112).reshape(96, 112) == 7))
    with pytest.raises(BadInputError, match="b: is almost all background"):
        train(some_data(pairs=[sparse]), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_classes_are_added_to_a_model_without_them(trained: Trained, tmp_path: Path) -> None:
    pairs = [
        replace(
            pair,
            classes={
                int(n): "even" if n % 2 == 0 else "odd"
                for n in np.unique(pair.labels[pair.labels > 0])
            },
        )
        for pair in some_data().pairs
    ]
    data = some_data(pairs=pairs)

    done = train(
        data,
        tmp_path / "model",
        start=trained.path,
        classes=("even", "odd"),
        settings=quick(steps=2, learning_rate=1e-6),
    )

    assert any("began with random weights" in note for note in done.record.notes)
    model = open_model(done.path)
    assert (model.n_classes, model.recipe.classes) == (2, ("even", "odd"))
    detections = Segmenter.load(done.path).segment(
        from_array(data.test[0].image[..., 0], axes="YX")
    )
    assert set(detections.objects["class"]) <= {"even", "odd"}
