"""Training of the demo model, on simulated nuclei and nothing else."""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError, MissingPartError
from bridge.examples.simulator import simulate_nuclei
from bridge.files.atomic import write_error
from bridge.model.folder import open_model
from bridge.model.keras_weights import load_weights
from bridge.train.card import CardFacts, card_markdown
from bridge.train.evaluation import evaluate, microscope_pair
from bridge.train.record import Comparison, DataPart, TrainingRecord
from bridge.train.scoring import Score, score_labels

PERCENTILES = (1.0, 99.8)
"""Low and high percentile of a plane that the demo model takes for 0 and 1."""

_ABOUT = (
    "A small StarDist 2D model that outlines nuclei in one channel of fluorescence (DAPI, Hoechst "
    "or alike). It comes with starbridge so that every command can be tried at once. It was "
    "trained on simulated nuclei and nothing else."
)
_LIMITS = (
    "It learnt nuclei of 10 to 50 pixels; how it does on smaller or larger ones was not measured.",
    "Not for brightfield or H&E stains, nor for nuclei that are far from star-shaped.",
    "Faint nuclei behind bright ones, and those far out of focus, are missed or found at will.",
)
_MADE_BY_STARDIST = ("config.json", "thresholds.json", "weights_best.h5")
_THRESHOLD_IMAGES = 24  # more take minutes and change the thresholds by little
_HALVED = 8  # predictions to a point of the coarsest level: halved three times

FloatImage = NDArray[np.float32]
LabelImage = NDArray[np.int32]


def train(
    out: Path,
    *,
    seed: int = 1,
    epochs: int = 64,
    steps_per_epoch: int = 100,
    images: int = 600,
    image_size: int = 320,
    patch_size: int = 160,
    batch_size: int = 4,
    filters: int = 20,
    conv_after_unet: int = 64,
    grid: int = 2,
    start: str | PathLike[str] | None = None,
) -> Path:
    """Train the demo model and write its folder.

    Equal arguments give equal weights on the same kind of processor with the same versions of
    TensorFlow and StarDist. Progress goes to stderr. The folder appears under its name only when it
    is complete. With the settings given here it takes about a quarter of an hour on two processor
    cores.

    Args:
        out: the folder to write; it must not exist yet.
        seed: seed of images, patches, augmentation and first weights.
        epochs: how many times the network is judged on simulated validation images; its best state
            is kept.
        steps_per_epoch: batches an epoch.
        images: number of simulated training images; a tenth as many more, at least two, validate.
        image_size: their height and width in pixels.
        patch_size: height and width of a training patch in pixels, a multiple of eight times the
            grid.
        batch_size: patches a batch.
        filters: filters at the base of the network; its size grows with their square.
        conv_after_unet: filters of its last layer.
        grid: pixels between two predictions, a power of 2.
        start: a model folder of the same architecture to go on from, in place of random weights.

    Returns:
        ``out``: ``config.json``, ``thresholds.json``, ``weights_best.h5`` as StarDist writes them,
        ``recipe.json`` and the model card ``README.md``.

    Raises:
        BadInputError: if ``out`` exists or cannot be written, a number is below 1, or a patch is no
            multiple of 16 or larger than an image.
        MissingPartError: if StarDist or TensorFlow is not installed.
    """
    out = Path(out)
    settings = {
        "epochs": epochs,
        "steps": steps_per_epoch,
        "images": images,
        "image size": image_size,
        "patch size": patch_size,
        "batch size": batch_size,
        "filters": filters,
        "filters of the last layer": conv_after_unet,
        "grid": grid,
    }
    _check(out, settings)
    try:
        import keras
        import tensorflow as tf
        from stardist.models import Config2D, StarDist2D
    except ImportError as error:
        raise MissingPartError("segment", "train a StarDist model", str(error.name)) from error

    began = time.monotonic()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    simulation, augmentation = np.random.default_rng(seed).spawn(2)
    held = max(images // 10, 2)
    _say(f"simulating {images} images of nuclei to train on and {held} to validate with")
    pictures, labels = _simulate(images, image_size, simulation)
    held_pictures, held_labels = _simulate(held, image_size, simulation)

    config = Config2D(
        axes="YX",
        n_rays=32,
        grid=(grid, grid),
        unet_n_filter_base=filters,
        net_conv_after_unet=conv_after_unet,
        train_patch_size=(patch_size, patch_size),
        train_batch_size=batch_size,
        train_epochs=epochs,
        train_steps_per_epoch=steps_per_epoch,
        train_learning_rate=1e-3,
        train_tensorboard=False,
        train_reduce_lr=None,
    )
    # falls to almost nothing at the end, which a short training needs most
    rate = keras.optimizers.schedules.CosineDecay(
        config.train_learning_rate / 10,
        epochs * steps_per_epoch,
        alpha=0.01,
        warmup_target=config.train_learning_rate,
        warmup_steps=min(100, steps_per_epoch),
    )
    # Keras and StarDist report on stdout, which belongs to the command's results
    with _workshop(out) as workshop, contextlib.redirect_stdout(sys.stderr):
        model = StarDist2D(config, name="model", basedir=str(workshop))
        if start is not None:
            load_weights(model.keras_model, open_model(start).weights)
        model.prepare_for_training(keras.optimizers.Adam(rate))
        model.train(
            pictures,
            labels,
            validation_data=(held_pictures, held_labels),
            augmenter=lambda x, y: _augment(x, y, augmentation),
            seed=seed,
        )
        some = slice(_THRESHOLD_IMAGES)
        model.optimize_thresholds(held_pictures[some], held_labels[some])
        minutes = (time.monotonic() - began) / 60

        made = workshop / out.name
        made.mkdir()
        for name in _MADE_BY_STARDIST:
            shutil.copyfile(workshop / "model" / name, made / name)
        diameter = _median_diameter(labels)
        recipe = {
            "percentiles": list(PERCENTILES),
            "channel": 0,
            "pixel_size": None,
            "diameter": diameter,
        }
        (made / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
        # nothing is chosen any more from here on: these figures are for the card alone
        found = [model.predict_instances(picture)[0] for picture in held_pictures]
        settings |= {"seed": seed}
        scores = score_labels(held_labels, found)
        record = _record(out.name, settings, minutes, (labels, held_labels), scores)
        if start is not None:
            record = replace(record, start={"name": "a model that an earlier training made"})
        measured = evaluate(str(made), [microscope_pair()])
        real = Comparison(
            name="StarDist's test image",
            images=1,
            objects=measured.score().n_true,
            after=measured.scores,
        )
        record = replace(record, comparisons=(*record.comparisons, real))
        facts = CardFacts(
            model=open_model(made),
            record=record,
            about=_ABOUT,
            licence="BSD-3-Clause",
            limits=_LIMITS,
            title="The demo model of starbridge",
            commands=_commands(seed, epochs, resumed=start is not None),
        )
        card, _ = card_markdown(facts)
        (made / "README.md").write_text(card, encoding="utf-8")
        made.rename(out)
    _say(f"wrote {out} after {minutes:.1f} minutes")
    return out


def _record(
    name: str,
    settings: Mapping[str, int],
    minutes: float,
    labels: tuple[list[LabelImage], list[LabelImage]],
    scores: tuple[Score, ...],
) -> TrainingRecord:
    """Return what the card says of the training."""
    packages = {"TensorFlow": "tensorflow", "Keras": "keras", "StarDist": "stardist"}
    versions = {title: version(package) for title, package in packages.items()}
    source = "simulated nuclei (bridge.examples.simulator)"
    return TrainingRecord(
        model=name,
        settings=settings,
        versions={"Python": platform.python_version(), **versions},
        data=tuple(
            DataPart(
                role=role,
                source=source,
                images=len(images),
                objects=sum(int(image.max()) for image in images),
            )
            for role, images in zip(("train", "validation"), labels, strict=True)
        ),
        comparisons=(
            Comparison(
                name="simulated, for validation",
                images=len(labels[1]),
                objects=scores[0].n_true,
                after=scores,
            ),
        ),
        seconds=60 * minutes,
        notes=(
            "The validation images chose the epoch and the thresholds. No real image was used.",
        ),
    )


def _commands(seed: int, epochs: int, *, resumed: bool) -> tuple[str, ...]:
    command = f"starbridge demo train --out DIR --seed {seed} --epochs {epochs}"
    if not resumed:
        return (command,)
    # the first training is the command without options, as its own card says
    return ("starbridge demo train --out FIRST", f"{command} --start FIRST")


def _check(out: Path, settings: dict[str, int]) -> None:
    if out.exists():
        raise BadInputError(out, "exists already", "choose another folder or remove it")
    for name, value in settings.items():
        if value < 1:
            raise BadInputError(name, f"{value} is too small", "give a number of at least 1")
    stride = _HALVED * settings["grid"]
    if settings["patch size"] % stride or settings["patch size"] > settings["image size"]:
        raise BadInputError(
            "patch size",
            f"{settings['patch size']} does not fit images of {settings['image size']} pixels",
            f"choose a multiple of {stride} that is no larger than the images",
        )


@contextlib.contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """Make a hidden folder beside ``out``, from which the finished model is renamed."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
            yield Path(name)
    except OSError as error:
        raise write_error(out, error) from error


def _simulate(
    count: int, size: int, rng: np.random.Generator
) -> tuple[list[FloatImage], list[LabelImage]]:
    """Simulate normalised images with their labels, each with at least one nucleus."""
    from csbdeep.utils import normalize

    pictures: list[FloatImage] = []
    labels: list[LabelImage] = []
    while len(pictures) < count:
        picture, label = simulate_nuclei((size, size), seed=rng)
        if label.any():
            pictures.append(normalize(picture, *PERCENTILES))
            labels.append(label)
    return pictures, labels


def _median_diameter(labels: list[LabelImage]) -> float:
    """Return the median over images of the median diameter of each one's nuclei, pixels."""
    areas = (np.bincount(label.ravel())[1:] for label in labels)
    diameters = [2 * np.sqrt(np.median(area[area > 0]) / np.pi) for area in areas]
    return round(float(np.median(diameters)), 1)


def _augment(
    picture: FloatImage, label: LabelImage, rng: np.random.Generator
) -> tuple[FloatImage, LabelImage]:
    """Turn and mirror one patch, and change its brightness, contrast and noise."""
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    picture, label = np.rot90(picture, turns), np.rot90(label, turns)
    if mirrored:
        picture, label = np.fliplr(picture), np.fliplr(label)
    # images in 8 bits have often been through a display curve
    floor = min(float(picture.min()), 0.0)
    picture = (picture - floor) ** np.exp(rng.normal(0, 0.2)) + floor
    # a few very bright nuclei make all others faint once percentiles are brought to 0 and 1
    picture = picture * np.exp(rng.uniform(-1.2, 0.6)) + rng.uniform(-0.1, 0.1)
    picture = picture + rng.uniform(0, 0.04) * rng.standard_normal(picture.shape, np.float32)
    return np.asarray(picture, np.float32), np.ascontiguousarray(label)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # progress, for whoever waits
