"""A simulated study of organoids for the tutorial: images, and what was annotated in QuPath.

The export is what a script of QuPath leaves for orgaSeg: a GeoJSON an image, as QuPath 0.5 and 0.6
write it, and the image region of each annotation, called by the image's name, QuPath's name of the
annotation and a number. Everything is in it that such exports stumble over: names of images with
brackets, classes with blanks and brackets, an annotation with a hole, one without a class, and an
image of more objects than 8 bits can number.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import tifffile
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.detections import Detections
from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, Organoids, simulate_organoids
from bridge.files.atomic import write_bytes, writing
from bridge.formats import geojson

TUTORIAL_PIXEL_SIZE = 4.0
"""µm; organoids are 150 to 200 µm wide, as in an overview with a small objective."""

CLASSES = {name: name for name in ORGANOID_CLASSES} | {
    "Dead": "Dead (dark)",
    "Elongated": "Long axis",
}
"""Classes of the study by those of the simulator: one has a bracket, one a blank."""


@dataclass(frozen=True)
class _Plan:
    """An image of the study.

    Attributes:
        folder: of the study.
        file: name of its file.
        rows, columns: of organoids.
    """

    folder: str
    file: str
    rows: int
    columns: int


_ANNOTATED = (
    _Plan("images", "plate 1 (A1).ome.tif", 6, 6),
    _Plan("images", "plate 1 (A2).ome.tif", 6, 6),
    _Plan("images", "plate 1 (A3).tif", 6, 6),
    _Plan("images", "plate 1 (A4).tif", 6, 6),
    _Plan("images", "plate 2 (dense).tif", 16, 17),
)
_NEW = (
    _Plan("new", "plate 3 (B1).ome.tif", 6, 6),
    _Plan("new", "plate 3 (B2).tif", 6, 6),
    _Plan("new_dense", "plate 4 (dense).tif", 16, 17),
)
_HOLE = 6.0  # radius of the hole in an annotation, pixels
_BACKGROUND = 350.0  # grey values of the simulator's background
_UNDECIDED = 9  # the annotation of the first image that has no class
_SIMPLIFY = 0.6  # pixels; annotations are drawn by hand, not along pixel edges


def write_organoid_tutorial(out: Path) -> list[Path]:
    """Write a simulated study of organoids.

    Args:
        out: folder for ``images/`` and what was annotated in them, ``export/geojsons`` and
            ``export/ROIsTif/IMAGEAnnotation (Polygon) (CLASS)_N.tif``; and for ``new/`` and
            ``new_dense/``, images that nobody annotated, and the true outlines and classes in
            them, ``truth/``.

    Returns:
        All images.

    Raises:
        BadInputError: the folder cannot be written.
    """
    images = []
    for seed, plan in enumerate((*_ANNOTATED, *_NEW), 1):
        study = simulate_organoids((plan.rows * PITCH, plan.columns * PITCH), seed=seed)
        hollow = study.classes.index("Cyst") + 1 if seed == 1 else None
        image, labels = study.image, study.labels
        if hollow is not None:
            image, labels = _punch(study, hollow, np.random.default_rng(seed))
        images.append(out / plan.folder / plan.file)
        _write_image(image, images[-1])
        stem = images[-1].name.removesuffix(".tif").removesuffix(".ome")
        classes: list[str | None] = [CLASSES[name] for name in study.classes]
        if plan in _NEW:
            _write_truth(labels, classes, out / "truth" / f"{stem}.geojson")
            continue
        if seed == 1:
            classes[_UNDECIDED] = None
        annotations = _annotate(labels, classes, np.random.default_rng([seed, 1]))
        _write_geojson(annotations, out / "export" / "geojsons" / f"{stem}.geojson")
        for number, annotation in enumerate(annotations):
            title = f"{stem}{_qupath_name(annotation)}_{number}.tif"
            _write_image(_region(image, annotation), out / "export" / "ROIsTif" / title)
    return images


def _punch(
    study: Organoids, label: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Return image and labels with a hole in one organoid, through which the background shows."""
    y, x = np.indices(study.labels.shape)
    rows, columns = np.nonzero(study.labels == label)
    hole = np.hypot(y - rows.mean(), x - columns.mean()) < _HOLE
    image, labels = study.image.copy(), study.labels.copy()
    image[hole] = rng.poisson(_BACKGROUND, int(hole.sum()))
    labels[hole] = 0
    return image, labels


def _annotate(
    labels: NDArray[np.int32], classes: list[str | None], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return annotations as QuPath's GeoJSON has them."""
    outlines = Detections.from_labels(labels).objects.geometry
    features = []
    for outline, name in zip(outlines, classes, strict=True):
        drawn = shapely.set_precision(outline.simplify(_SIMPLIFY), 0.01)
        properties: dict[str, Any] = {"objectType": "annotation"}
        if name is not None:
            color = list(bytes.fromhex(class_color(name)[1:]))
            properties["classification"] = {"name": name, "color": color}
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.UUID(bytes=rng.bytes(16), version=4)),
                "geometry": shapely.geometry.mapping(drawn),
                "properties": properties,
            }
        )
    return features


def _qupath_name(annotation: dict[str, Any]) -> str:
    """Return an annotation as QuPath prints it: kind of its outline, and class."""
    kind = "Polygon" if len(annotation["geometry"]["coordinates"]) == 1 else "Geometry"
    classification = annotation["properties"].get("classification")
    return f"Annotation ({kind})" + (f" ({classification['name']})" if classification else "")


def _region(image: NDArray[np.uint16], annotation: dict[str, Any]) -> NDArray[np.uint16]:
    left, top, right, bottom = shapely.geometry.shape(annotation["geometry"]).bounds
    return image[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]


def _write_geojson(annotations: list[dict[str, Any]], path: Path) -> None:
    document = {"type": "FeatureCollection", "features": annotations}
    write_bytes(path, json.dumps(document, ensure_ascii=False).encode())


def _write_truth(labels: NDArray[np.int32], classes: list[str | None], path: Path) -> None:
    found = Detections.from_labels(labels)
    frame = found.objects.assign(**{"class": classes})
    geojson.write(Detections(frame, found.image, found.outline), path)


def _write_image(pixels: NDArray[np.uint16], path: Path) -> None:
    is_ome = path.name.endswith(".ome.tif")
    size = TUTORIAL_PIXEL_SIZE
    metadata: dict[str, Any] = {"axes": "YX", "unit": "um"}
    if is_ome:
        metadata = {
            "axes": "YX",
            "PhysicalSizeX": size,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": size,
            "PhysicalSizeYUnit": "µm",
        }
    with writing(path) as part:
        tifffile.imwrite(
            part,
            np.ascontiguousarray(pixels),
            imagej=not is_ome,
            ome=is_ome,
            resolution=(1 / size, 1 / size),
            metadata=metadata,
        )
