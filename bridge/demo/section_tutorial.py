"""A simulated study of organoids: sections, clicks on some of their cells, and the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.demo.imagej_tiff import write_imagej_tiff
from bridge.examples.stained_sections import (
    SECTION_CLASSES,
    STAINED_CHANNELS,
    StainedSection,
    simulate_stained_section,
)
from bridge.files.atomic import write_bytes
from bridge.select import Window, choose, mean_intensities, place_window
from bridge.select.windows import Place

SECTION_PIXEL_SIZE = 0.5
"""µm; the simulator's nuclei are about as large as at 20x."""

CROP = (Fraction(1, 2), Fraction(1, 2))
PLACE: Place = "bottom-left"
CHANNEL = "488"
"""Crops that the clicks are on, as the tutorial makes them: size, place, channel to choose by."""

CLICKS = 6
"""Clicks on cells of each class in a crop, where there are so many."""

GENOTYPES: Mapping[str, str] = {"Pa": "WT", "Pb": "KO", "Pc": "WT", "Pd": "KO"}
"""Genotype by clone."""

ORGANOIDS, SLICES = 2, 2
"""Of each clone, and of each organoid; the last organoid of a genotype has one slice."""

PROPORTIONS: Mapping[str, Mapping[str, float]] = {
    "WT": {"Progenitor": 0.15, "Neuron": 0.42, "Astrocyte": 0.18, "Unstained": 0.15, "Dead": 0.10},
    "KO": {"Progenitor": 0.34, "Neuron": 0.20, "Astrocyte": 0.14, "Unstained": 0.14, "Dead": 0.18},
}
"""Of the cells of each genotype; organoids differ around them."""

_STAINING = (0.35, 0.46, 0.59, 0.77, 1.0, 1.3, 1.7)
_SPREAD = 150.0  # of an organoid's proportions around its genotype's, as of so many cells
_INSIDE = 0.6  # how deep in its nucleus a click lies, as a part of the greatest depth


def section_names() -> list[tuple[str, str]]:
    """Return name and genotype of each section.

    >>> names = section_names()
    >>> len(names), names[0]
    (14, ('Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1', 'WT'))
    """
    names = [
        (f"{clone}_dQ_J70_SNd2T_20Xa_g1dt08_OG{organoid}_s{slice_}", genotype)
        for clone, genotype in GENOTYPES.items()
        for organoid in range(1, ORGANOIDS + 1)
        for slice_ in range(1, SLICES + 1)
    ]
    last = {genotype: name for name, genotype in names}
    return [(name, genotype) for name, genotype in names if last[genotype] != name]


def write_section_tutorial(out: Path, *, side: int = 384) -> list[Path]:
    """Write simulated four-channel sections of organoids of two genotypes, and clicks on cells.

    Args:
        out: folder for ``images/``; ``genotypes.csv``; ``clicks/``, points of a class on the crops
            that ``starbridge select`` makes in the tutorial, as QuPath exports them; and
            ``truth/``: ``masks/``, the label images of the nuclei, and ``tables/``, the class of
            each of them.
        side: height and width of a section in pixels.

    Returns:
        The images.

    Raises:
        BadInputError: the folder cannot be written.
    """
    # Of these draws no two sections of a genotype are so alike that another choice is as good.
    rng = np.random.default_rng(1186)
    strengths = {genotype: iter(rng.permutation(_STAINING)) for genotype in PROPORTIONS}
    images, sections = [], []
    organoid, proportions = "", PROPORTIONS["WT"]
    for number, (name, genotype) in enumerate(section_names()):
        if name.rpartition("_")[0] != organoid:
            organoid, proportions = name.rpartition("_")[0], _organoid(PROPORTIONS[genotype], rng)
        section = simulate_stained_section(
            (side, side),
            seed=number + 1,
            proportions=proportions,
            staining=float(next(strengths[genotype])),
        )
        images.append(out / "images" / f"{name}.tif")
        sections.append(section)
        _write_image(images[-1], section.image)
        _write_truth(out / "truth", name, section)
    text = "Clone,Genotype\n" + "".join(f"{k},{v}\n" for k, v in GENOTYPES.items())
    write_bytes(out / "genotypes.csv", text.encode())
    for number in _cropped(images, sections):
        window = place_window((side, side), CROP, PLACE)
        points = dict(_clicks(sections[number], window, np.random.default_rng(number)))
        document = json.dumps({"type": "FeatureCollection", "features": _features(points)})
        write_bytes(out / "clicks" / f"{images[number].stem}.geojson", document.encode())
    return images


def _organoid(usual: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    """Draw the proportions of an organoid."""
    drawn = rng.dirichlet([usual[name] * _SPREAD for name in SECTION_CLASSES])
    return dict(zip(SECTION_CLASSES, drawn.tolist(), strict=True))


def _cropped(images: Sequence[Path], sections: Sequence[StainedSection]) -> list[int]:
    """Return the numbers of the sections that ``starbridge select`` chooses."""
    frame = mean_intensities(images, [section.labels for section in sections], CHANNEL)
    genotypes = [GENOTYPES[str(name).partition("_")[0]] for name in frame["name"]]
    chosen = choose(frame.assign(condition=genotypes), by=["condition"])
    names = set(chosen["name"])
    return [number for number, path in enumerate(images) if path.stem in names]


def _clicks(
    section: StainedSection, window: Window, rng: np.random.Generator
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield for each class points (x, y) well inside of some of its nuclei, in pixels of a crop."""
    from scipy.ndimage import distance_transform_edt

    labels = window.of(section.labels)
    # Nobody clicks on what the border of the crop cuts.
    at_border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    can_be_clicked = np.setdiff1d(np.unique(labels), [0, *at_border])
    for name in SECTION_CLASSES:
        of_class = [n for n in can_be_clicked.tolist() if section.classes[n - 1] == name]
        points = []
        for label in rng.permutation(of_class)[:CLICKS].tolist():
            depth = distance_transform_edt(labels == label)
            places = np.argwhere(depth >= _INSIDE * depth.max())
            y, x = places[rng.integers(len(places))].tolist()
            points.append((x + 0.5, y + 0.5))
        if points:
            yield name, points


def _features(points: Mapping[str, Sequence[tuple[float, float]]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "geometry": {"type": "MultiPoint", "coordinates": [list(p) for p in places]},
            "properties": {
                "objectType": "annotation",
                "classification": {
                    "name": name,
                    "color": list(bytes.fromhex(class_color(name)[1:])),
                },
            },
        }
        for name, places in points.items()
    ]


def _write_image(path: Path, pixels: NDArray[np.uint16]) -> None:
    _write(path, pixels, "CYX", mode="composite", Labels=list(STAINED_CHANNELS))


def _write_truth(folder: Path, name: str, section: StainedSection) -> None:
    _write(folder / "masks" / f"{name}.tif", section.labels.astype(np.uint16), "YX")
    table = pd.DataFrame({"label": np.arange(1, len(section.classes) + 1)})
    text = table.assign(**{"class": section.classes}).to_csv(index=False, lineterminator="\n")
    write_bytes(folder / "tables" / f"{name}_table.csv", text.encode())


def _write(path: Path, pixels: NDArray[Any], axes: str, **metadata: Any) -> None:
    write_imagej_tiff(path, pixels, axes, SECTION_PIXEL_SIZE, **metadata)
