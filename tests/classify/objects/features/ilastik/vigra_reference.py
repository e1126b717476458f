"""Let vigra compute what ilastik has it compute, of a small image.

Run by a Python that has vigra (Debian: ``apt-get install python3-vigra``):
``python3 vigra_reference.py OUT.npz`` writes ``labels``, ``image`` (Y, X, channels), and
``N/FEATURE`` (objects, columns) for the first N of the channels.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

MARGINS = {"": (7, 7, 1), "wide ": (12, 5, 1)}
"""Margins along x, y and z by what is put before the names of neighbourhoods."""

AROUND = ("Mean", "Variance", "Skewness", "Kurtosis", "Histogram", "Covariance", "Minimum",
          "Maximum", "Sum")  # fmt: skip


def scene() -> tuple[Any, Any]:
    """Return labels (Y, X), with a gap, one on the border, one of equal values, and an image."""
    rng = np.random.default_rng(3)
    labels = np.zeros((50, 64), np.uint32)
    rows, columns = np.mgrid[:50, :64]
    shapes = [(12, 14, 9, 4, 0.5), (34, 16, 6, 5, 0.2), (18, 40, 11, 5, -0.7), (44, 47, 5, 9, 0.1)]
    for number, (y, x, long, short, angle) in enumerate(shapes, 1):
        u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        v = -(columns - x) * np.sin(angle) + (rows - y) * np.cos(angle)
        labels[(u / long) ** 2 + (v / short) ** 2 < 1] = number
    labels[30:35, 56:60] = 5
    labels[2, 60] = 6
    image = rng.integers(200, 3000, (50, 64, 3)).astype(np.uint16)
    image[..., 1] += (columns * 20).astype(np.uint16)
    image[labels == 5] = 777
    image[0, 0], image[49, 63] = 1, 60_000  # outside of all objects
    return labels, image


def flat(values: Any, n: int) -> Any:
    """Return a feature as (objects, columns)."""
    values = np.asarray(values)
    if values.ndim == 0:
        return np.full((n, 1), float(values))
    return values.reshape(len(values), -1)[1:]


def main() -> None:
    """Compute and write."""
    import vigra  # type: ignore[import-not-found]

    labels, image = scene()
    n = int(labels.max())
    out = {"labels": labels, "image": image}
    tagged = vigra.taggedView(np.ascontiguousarray(labels.T), "xy")

    def extract(values: Any, regions: Any, names: Any) -> Any:
        axes = "xy" if values.ndim == 2 else "xyc"
        return vigra.analysis.extractRegionFeatures(
            vigra.taggedView(np.ascontiguousarray(values), axes),
            vigra.taggedView(np.ascontiguousarray(regions), "xy"),
            names,
            ignoreLabel=0,
        )

    for channels in (1, 3):
        values = image[..., :channels].astype(np.float32).transpose(1, 0, 2)
        values = values[..., 0] if channels == 1 else values
        found = extract(values, tagged, "all")
        for name in list(found.keys()):
            column = flat(found[name], n)
            if name == "Coord<Maximum >":
                column = column + 1
            out[f"{channels}/{name.replace(' ', '')}"] = column
        for head, margin in MARGINS.items():
            names = [f for f in AROUND if f != ("Covariance", "Histogram")[channels > 1]]
            around: dict[str, list[Any]] = {f"{name}{where}": [] for name in names
                      for where in (" in neighborhood", " in object and neighborhood")}  # fmt: skip
            for number in range(1, n + 1):
                low, high = ([int(v) for v in found[f"Coord<{end} >"][number]]
                             for end in ("Minimum", "Maximum"))  # fmt: skip
                window = tuple(
                    slice(max(low[k] - margin[k], 0), high[k] + 2 + margin[k]) for k in range(2)
                )
                binary = np.asarray(tagged)[window] == number
                pitch = [float(max(margin) // each) for each in margin]
                distance = vigra.filters.distanceTransform(
                    binary[..., None].astype(np.float32), background=True, pixel_pitch=pitch
                )
                near = np.asarray(distance)[..., 0] < max(margin)
                for where, region in ((" in neighborhood", near ^ binary),
                                      (" in object and neighborhood", near)):  # fmt: skip
                    local = extract(np.asarray(values)[window], region.astype(np.uint32), names)
                    for name in names:
                        around[name + where].append(flat(local[name], 1)[0])
            for name, rows in around.items():
                out[f"{channels}/{head}{name}"] = np.array(rows)
    np.savez_compressed(sys.argv[1], **out)


if __name__ == "__main__":
    main()
