"""A model of stardist_haug2's shape: its network and its candidates cost what haug2's do.

Grid 1, 32 rays, 32 filters, 128 in the last layer, trained on simulated nuclei for a quarter of an
hour, once; it is kept beside the libraries that starbridge keeps. haug2's own weights are not
public.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.files.cache import cache_folder
from bridge.training.data import TrainingData
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.settings import TrainingSettings
from bridge.training.learning.training import train_model
from bridge.training.rehearsal import simulate_pairs


def model_folder() -> Path:
    """Return the model's folder; train it if it is not there yet."""
    folder = cache_folder() / "benchmarks" / "haug2_like"
    if not folder.exists():
        train_model(
            TrainingData(pairs=simulate_pairs(200, seed=1), validation=simulate_pairs(20, seed=2)),
            folder,
            start=None,
            architecture=Architecture(like="haug2"),
            settings=TrainingSettings(steps=1200, patch=128, learning_rate=1e-3),
            resume=True,
        )
    return folder


if __name__ == "__main__":
    print(model_folder(), file=sys.stdout)
