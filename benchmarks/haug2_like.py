"""A model of stardist_haug2's shape: its network and its candidates cost what haug2's do.

Grid 1, 32 rays, 32 filters, 128 in the last layer, trained on simulated nuclei for a quarter of an
hour, once; it is kept beside the libraries that starbridge keeps. haug2's own weights are not
public.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.demo.train import train
from bridge.files.cache import cache_folder


def model_folder() -> Path:
    """Return the model's folder; train it if it is not there yet."""
    folder = cache_folder() / "benchmarks" / "haug2_like"
    if not folder.exists():
        train(
            folder,
            epochs=12,
            images=200,
            image_size=256,
            patch_size=128,
            filters=32,
            conv_after_unet=128,
            grid=1,
        )
    return folder


if __name__ == "__main__":
    print(model_folder(), file=sys.stdout)
