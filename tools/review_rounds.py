"""Rounds of review and training, played: a poor model, and a reviewer who corrects its nuclei.

The images are simulated, so that the reviewer knows the truth. Every step is the command that a
user types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import roifile
import shapely
import tifffile
from numpy.typing import NDArray

from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.cli import app
from bridge.detections import Detections
from bridge.examples.scene import Scene
from bridge.examples.simulator import simulate_nuclei
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.learning.comparing import mean_f1
from bridge.training.pairs import TrainingPair

REGION = 160
"""Side of a region that the reviewer finishes in a round, pixels."""
ROUNDS = 3
NAME = "section"

_SCENE = Scene(diameter=13, cover=0.9, ghosts=0.2, haze=0.1)
_KEPT_FROM = 0.7  # overlap at which the reviewer leaves an outline as it is
_POOR = (
    "--new", "--like", "fluo", "--filters", "8", "--depth", "2", "--steps", "500",
    "--patch", "64", "--learning-rate", "0.002", "--precision", "float32",
)  # fmt: skip
_ROUND = (
    "--steps", "60", "--patch", "96", "--learning-rate", "0.0008", "--precision", "float32",
    "--no-rehearsal",
)  # fmt: skip


@dataclass
class Played:
    """What happened.

    Attributes:
        f1: on held-out images, of the first model and after each round (mean at an IoU of 0.5 and
            0.7).
        folder: holds the models ``round0``, ``round1``, … and the folder ``review``.
        truth: of the section that was reviewed.
        held_out: images that nobody reviewed.
        deleted: outlines that the reviewer deleted.
        added: outlines that the reviewer drew.
    """

    folder: Path
    truth: NDArray[np.int32]
    held_out: list[TrainingPair]
    f1: list[float] = field(default_factory=list)
    deleted: list[Any] = field(default_factory=list)
    added: list[Any] = field(default_factory=list)

    @property
    def review(self) -> ReviewFiles:
        """Files of the review."""
        return ReviewFiles.of(self.folder / "review", NAME)

    def model(self, number: int) -> Path:
        """Return the model after a round; that of round 0 is the poor one."""
        return self.folder / f"round{number}"


def run(*arguments: str | Path) -> None:
    """Run a command of starbridge in this process."""
    app([str(argument) for argument in arguments], standalone_mode=False)


def play(folder: Path, rounds: int = ROUNDS) -> Played:
    """Play some rounds: segment, push, review a region, train.

    Args:
        folder: an empty folder for everything that is made.
        rounds: number of rounds.
    """
    image, truth = simulate_nuclei((REGION, REGION * ROUNDS), seed=21, scene=_SCENE)
    tifffile.imwrite(folder / f"{NAME}.tif", image)
    held_out = []
    for seed in (31, 32, 33, 34):
        pixels, labels = simulate_nuclei((REGION, REGION), seed=seed, scene=_SCENE)
        held_out.append(TrainingPair(name=str(seed), image=pixels, labels=labels))
    played = Played(folder, truth, held_out)
    _make_poor_model(played)
    for number in range(rounds + 1):
        if number:
            finished = played.model(number - 1)
            _review(played, number - 1)
            run(
                "train", folder / "review", "--inside", "Done", "--from", finished,
                "--out", played.model(number), *_ROUND,
            )  # fmt: skip
        played.f1.append(mean_f1(evaluate(played.model(number), held_out).scores))
        results = folder / f"results{number}"
        run(
            "segment", folder / f"{NAME}.tif", "--model", played.model(number), "--out", results,
            "--format", "rois",
        )  # fmt: skip
        run(
            "fiji", "push", folder / f"{NAME}.tif", "-d", results / "roi" / f"{NAME}_rois.zip",
            "--out", folder / "review",
        )  # fmt: skip
    return played


def _make_poor_model(played: Played) -> None:
    """Train a model for a moment, on nuclei of another kind."""
    for seed in (1, 2, 3, 4):
        image, labels = simulate_nuclei(
            (REGION, REGION), seed=seed, scene=Scene(diameter=23, cover=0.9)
        )
        for kind, pixels in (("images", image), ("masks", labels.astype(np.uint16))):
            file = played.folder / "old" / kind / f"{seed}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(file, pixels)
    run("train", played.folder / "old", *_POOR, "--out", played.model(0))


def _review(played: Played, number: int) -> None:
    """Correct what was pushed in one region, and say that it is finished.

    As a reviewer does it in Fiji's ROI Manager: wrong outlines are deleted, right ones stay,
    missing ones are drawn, and a region around them gets the name Done.
    """
    rois = read_rois(played.review)
    window = np.zeros_like(played.truth, dtype=bool)
    window[:, number * REGION : (number + 1) * REGION] = True
    missing = [p for p in polygons_of(played.truth) if window[_pixel(p)]]
    kept = []
    for roi in rois:
        outline = polygon(roi)
        if roi.name.startswith("Done") or not window[_pixel(outline)]:
            kept.append(roi)
            continue
        overlaps = [iou(outline, nucleus) for nucleus in missing]
        if overlaps and max(overlaps) >= _KEPT_FROM:
            del missing[int(np.argmax(overlaps))]
            kept.append(roi)
        else:
            played.deleted.append(outline)
    played.added += missing
    left, right = number * REGION, (number + 1) * REGION
    corners = [[left, 0], [right, 0], [right, REGION], [left, REGION]]
    region = roifile.ImagejRoi.frompoints(corners, name=f"Done-{number}" if number else "Done")
    drawn = [
        roifile.ImagejRoi.frompoints(np.array(nucleus.exterior.coords)[:-1], name=f"mine-{k}")
        for k, nucleus in enumerate(missing)
    ]
    played.review.rois.unlink()
    roifile.roiwrite(played.review.rois, [*kept, *drawn, region])


def read_rois(files: ReviewFiles) -> list[Any]:
    """Return the ROIs of a review's RoiSet.zip."""
    found: Any = roifile.ImagejRoi.fromfile(files.rois)
    return list(found) if isinstance(found, list) else [found]


def polygon(roi: Any) -> shapely.Polygon:
    """Return the outline of a ROI."""
    return shapely.make_valid(shapely.Polygon(roi.coordinates()))


def polygons_of(labels: NDArray[np.int32]) -> list[shapely.Polygon]:
    """Return the outlines of a label image's objects."""
    return list(Detections.from_labels(labels).objects.geometry)


def _pixel(outline: shapely.Geometry) -> tuple[int, int]:
    """Return the row and column of the middle of an outline."""
    center = outline.centroid
    return min(int(center.y), REGION - 1), min(int(center.x), REGION * ROUNDS - 1)


def iou(a: shapely.Geometry, b: shapely.Geometry) -> float:
    """Return the intersection over union of two outlines."""
    shared = a.intersection(b).area
    return float(shared / (a.area + b.area - shared))
