"""Card of the demo model, written into its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.demo.evaluate import Agreement

_CARD = """\
# The demo model of starbridge

A small StarDist 2D model that outlines nuclei in one channel of fluorescence (DAPI, Hoechst or
alike). It comes with starbridge so that every command can be tried at once. For results that
matter, use a model that was trained on images like yours.

| | |
|---|---|
| architecture | StarDist 2D: grid {grid}, 32 rays, U-Net of depth 3, {filters} base filters |
| input | one channel, YX; percentiles {low:g} and {high:g} of the plane brought to 0 and 1 |
| nuclei | about 10 to 50 pixels across; {diameter:g} in the median image |
| thresholds | probability {prob:.3f}, overlap {nms:.1f} |
| licence | BSD-3-Clause |

## How it was trained
On simulated nuclei and nothing else (`bridge.examples.simulator`): {images} images of
{image_size} x {image_size} pixels, each with its own kind of nuclei, tissue, optics and camera,
turned, mirrored and changed in contrast; {steps:,} steps of {batch_size} patches of
{patch_size} x {patch_size} pixels. {held} more simulated images chose the epoch and the thresholds.
No real image was used.

Made in {minutes:.0f} minutes with Python {python}, {versions}, by

    {command}

The same command gives the same weights with the same versions on the same kind of processor;
elsewhere they differ in the last digits, and the figures a little.

## How good it is
F1 is the harmonic mean of precision (found nuclei that are right) and recall (nuclei that were
found); a nucleus is right if it overlaps its counterpart with at least the given intersection over
union (IoU).

| images | IoU | precision | recall | F1 |
|---|---|---|---|---|
{rows}

The test image comes with StarDist (`stardist.data.test_image_nuclei_2d`, 512 x 512 pixels, 125
nuclei outlined by hand, from the 2018 Data Science Bowl). No model was trained on it, and it chose
neither the epoch nor the thresholds. It was not wholly unseen, though: earlier models were scored
on it, and their mistakes, touching nuclei taken for one, were looked at before the simulator was
taught to press nuclei together. Measure again with `starbridge demo evaluate`.

## Its limits
- One real image is a small test. Expect less on images unlike it.
- It learnt nuclei of 10 to 50 pixels; how it does on smaller or larger ones was not measured.
- Not for brightfield or H&E stains, nor for nuclei that are far from star-shaped.
- Faint nuclei behind bright ones, and those far out of focus, are missed or found at will.
"""


def model_card(
    *,
    settings: Mapping[str, int],
    percentiles: tuple[float, float],
    diameter: float,
    thresholds: Mapping[str, float],
    minutes: float,
    resumed: bool = False,
    agreements: Mapping[str, Sequence[Agreement]],
) -> str:
    """Write the model card.

    Args:
        settings: ``seed``, ``filters``, ``images``, ``held`` (validation images), ``image_size``,
            ``patch_size``, ``batch_size``, ``epochs`` and ``steps`` of the training.
        percentiles: low and high percentile of the recipe.
        diameter: median over the training images of the median diameter of each one's nuclei.
        thresholds: ``prob`` and ``nms``.
        minutes: how long the training took.
        resumed: whether it went on from a model that an earlier training made.
        agreements: by a name for the images, how well the model does on them.

    Returns:
        The card, in Markdown.
    """
    import platform

    rows = [
        f"| {name} | {it.iou:g} | {it.precision:.2f} | {it.recall:.2f} | {it.f1:.3f} |"
        for name, several in agreements.items()
        for it in several
    ]
    command = "starbridge demo train --out DIR --seed {seed} --epochs {epochs}".format(**settings)
    if resumed:
        # the first training is the command without options, as its own card says
        command = f"starbridge demo train --out FIRST\n    {command} --start FIRST"
    packages = {"TensorFlow": "tensorflow", "Keras": "keras", "StarDist": "stardist"}
    return _CARD.format(
        **settings,
        command=command,
        low=percentiles[0],
        high=percentiles[1],
        diameter=diameter,
        prob=thresholds["prob"],
        nms=thresholds["nms"],
        minutes=minutes,
        python=platform.python_version(),
        versions=", ".join(f"{name} {version(package)}" for name, package in packages.items()),
        rows="\n".join(rows),
    )
