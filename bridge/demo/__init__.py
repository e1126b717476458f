"""The small demo model that comes with starbridge, and the simulator of nuclei that trained it."""

from __future__ import annotations

from pathlib import Path


def model_folder() -> Path:
    """Where the packaged demo model lies.

    Returns:
        A StarDist 2D model folder (``config.json``, ``thresholds.json``, ``weights_best.h5``) with
        its recipe (``recipe.json``) and model card (``README.md``).
    """
    return Path(__file__).parent / "model"
