"""Tables of examples whose classes are easy to tell."""

from __future__ import annotations

import numpy as np
import pandas as pd


def easy_examples(n: int = 48, *, classes: int = 3, images: int = 6, seed: int = 0) -> pd.DataFrame:
    """Return ``n`` examples of ``a``, ``b``, … in images of which each has all classes.

    Columns: image, group, object, class, hash, and five features, of which ``size`` and
    ``brightness`` differ between classes.
    """
    rng = np.random.default_rng(seed)
    number = np.arange(n) % classes
    image = np.arange(n) // classes % images
    return pd.DataFrame(
        {
            "image": [f"image {k}" for k in image],
            "group": [f"image {k}" for k in image],
            "object": [str(k) for k in range(n)],
            "class": [chr(ord("a") + k) for k in number],
            "hash": [f"hash {k}" for k in range(n)],
            "size": number + rng.normal(0, 0.15, n),
            "brightness": -1.0 * number + rng.normal(0, 0.15, n),
            **{f"noise {k}": rng.normal(size=n) for k in range(3)},
        }
    )
