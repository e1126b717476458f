"""Apply a pixel classifier to many images into one folder."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.classify.pixels.classifier import PixelClassifier, load_classifier
from bridge.classify.pixels.filters.fitting import fit_selection
from bridge.classify.pixels.intensities import Choice, fit_intensities
from bridge.classify.pixels.outputs import (
    EXPORTS,
    ClosingWriter,
    Export,
    Format,
    Raster,
    ValueType,
    channel_names,
    encode,
    open_raster,
    output_file,
    segmentation_of,
    uncertainty_of,
)
from bridge.classify.pixels.planes import PlaneReader
from bridge.classify.pixels.preview import draw_classes, reduction
from bridge.classify.pixels.tiling import GIB, Band, Tiling, choose_tiling, predict_bands
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.images import Image, open_image
from bridge.images.locations import Location, known_identity

RECORD = "pixels.json"
"""Name of the record in the output folder."""

PREVIEW = "preview"
"""Key of the picture of the classes."""

_GENERIC = frozenset(f"C{number}" for number in range(1, 101))


@dataclass(frozen=True)
class Settings:
    """Settings of a batch beside the classifier.

    Attributes:
        exports: what is written of each image.
        file_format: the format of the files.
        dtype: type of probabilities and uncertainties.
        preview: write a picture of the classes, too.
        intensities: treatment of values of another type or range than in training.
        channels: channels of the images, where they have more than the classifier knows.
        axes, pixel_size: of the images, where the files do not say.
        memory: GiB for the tiles at work, beside the planes of the image.
        tile: side of the tiles in pixels; results do not depend on it.
        threads: tiles at once, at most; as many as numba is set to where ``None``.

    Raises:
        BadInputError: nothing to write, or a number that is none.
    """

    exports: tuple[Export, ...] = ("probabilities",)
    file_format: Format = "hdf5"
    dtype: ValueType = "float32"
    preview: bool = True
    intensities: Choice = "check"
    channels: tuple[int | str, ...] | None = None
    axes: str | None = None
    pixel_size: float | None = None
    memory: float = 1.0
    tile: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check what a person gave."""
        if not self.exports:
            raise BadInputError("--export", "is empty", f"choose from {', '.join(EXPORTS)}")
        if not self.memory > 0:
            raise BadInputError("--memory", f"{self.memory} is no amount of memory", "give GiB")
        if self.tile is not None and self.tile < 1:
            raise BadInputError("--tile", f"{self.tile} is no number of pixels", "give 256")


def apply_to_files(
    images: Sequence[Location],
    out: Path,
    classifier: Path,
    settings: Settings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Classify the pixels of images into one folder; see :func:`bridge.batch.runner.run_batch`.

    Args:
        images: files and OME-Zarr folders, here or at URLs.
        out: the output folder; created where missing.
        classifier: as :func:`bridge.classify.pixels.classifier.load_classifier` takes it.
        settings: what to write, and how.
        existing: what to do with results that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the classifier cannot be loaded, the output
            folder cannot be written.
    """
    job = ApplyJob(classifier, settings)
    return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


class ApplyJob(ImageJob[Location]):
    """Classification of the pixels of images.

    Args:
        path: the classifier; another process loads it again.
        settings: what to write, and how.

    Raises:
        BadInputError: the classifier cannot be loaded.
    """

    record = RECORD
    participle = "classified"
    memory_remedy = "give less --memory"
    clash_remedy = "classify them into different --out folders"

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path.absolute()
        self._settings = settings
        self._classifier: PixelClassifier | None = load_classifier(path)

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_settings": self._settings, "_classifier": None}

    @property
    def classifier(self) -> PixelClassifier:
        """The classifier."""
        if self._classifier is None:
            self._classifier = load_classifier(self._path)
        return self._classifier

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the results."""
        settings = self._settings
        trained = self.classifier.intensities
        return {
            "image": known_identity(item),
            "classifier": self.classifier.sha256,
            "type of values": settings.dtype,
            "intensities": settings.intensities,
            "range in training": None
            if trained is None or settings.intensities != "normalize"
            else trained.to_json(),
            "channels": settings.channels and list(settings.channels),
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
        }

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the files of an image: one for each export, and the preview."""
        settings, name = self._settings, self.name(item)
        files: dict[str, str] = {
            export: output_file(name, export, settings.file_format) for export in settings.exports
        }
        return files | ({PREVIEW: f"preview/{name}.png"} if settings.preview else {})

    def describe(self) -> dict[str, Json]:
        """Return classifier, settings and versions."""
        classifier, settings = self.classifier, self._settings
        return {
            "classifier": {
                "path": str(self._path),
                "sha256": classifier.sha256,
                "classes": list(classifier.class_names),
                "trees": classifier.forest.n_trees,
                "features": list(classifier.bank.names),
            },
            "exports": list(settings.exports),
            "format": settings.file_format,
            "type": settings.dtype,
            "intensities": settings.intensities,
            "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        }

    def files(self, item: Location) -> list[Path]:
        """Return the image and the classifier, where they are files."""
        return [*([item] if isinstance(item, Path) else []), self._path]

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Classify an image and write its outputs."""
        settings = self._settings
        notes: list[str] = []
        with open_image(work.item, axes=settings.axes, pixel_size=settings.pixel_size) as image:
            reader = PlaneReader(image, settings.channels)
            notes += check_image(self.classifier, reader)
            rescaling, more = fit_intensities(
                self.classifier.intensities, reader, settings.intensities
            )
            notes += more
            sizes = (image.size("Z"), image.height, image.width)
            tiling = choose_tiling(
                self.classifier,
                sizes,
                memory=settings.memory * GIB,
                workers=settings.threads or numba.get_num_threads(),
                tile=settings.tile,
            )
            total = _count_bands(image, tiling)
            with ExitStack() as files:
                sink = _Sink(self.classifier, reader, tiling, settings, work, folder, files)
                bands = predict_bands(self.classifier, reader, tiling, rescaling)
                for done, band in enumerate(bands, 1):
                    sink.take(band)
                    progress(done, total)
            sink.finish(reader)
        if sink.unclassified:
            notes.append(f"{sink.unclassified:,} pixels lie near values that are no numbers")
        shares = sink.shares()
        return Made(result={"pixels": shares}, notes=tuple(notes))


def check_image(classifier: PixelClassifier, reader: PlaneReader) -> list[str]:
    """Check that an image is what a classifier was trained for.

    Args:
        classifier: the classifier.
        reader: the image and its channels.

    Returns:
        Lines for the user.

    Raises:
        BadInputError: another number of channels, a plane where stacks were filtered, or an image
            smaller than a filter.
    """
    image = reader.image
    source = str(image.path or image.name)
    if len(reader.channels) != classifier.n_channels:
        names = ", ".join(classifier.channel_names) if classifier.channel_names else ""
        raise BadInputError(
            source,
            f"has {len(reader.channels)} channels ({', '.join(reader.channel_names[:8])}), but the "
            f"classifier was trained on {classifier.n_channels}" + (f" ({names})" if names else ""),
            "choose them with --channel, in the order of training",
        )
    notes = []
    known = classifier.channel_names
    if known and known != reader.channel_names and not {*known, *reader.channel_names} & _GENERIC:
        notes.append(
            f"its channels are {', '.join(reader.channel_names)}, in training they were "
            f"{', '.join(known)}"
        )
    in_3d = classifier.is_3d and any(not in_2d for _, _, in_2d in classifier.selection.filters())
    if in_3d and image.size("Z") == 1:
        raise BadInputError(
            source,
            "is a plane, but the classifier was trained on stacks",
            "train one on planes, or with features in 2D",
        )
    depth = image.size("Z") if classifier.is_3d else 1
    fitted, _ = fit_selection(classifier.selection, (depth, image.height, image.width), source)
    if in_3d and fitted.in_2d != classifier.selection.in_2d:
        raise BadInputError(
            source,
            f"has {depth} slices, fewer than its filters need in training's stacks",
            "leave it out, or train with those scales in 2D",
        )
    if not classifier.is_3d and image.size("Z") > 1:
        notes.append("it is a stack, and was classified plane by plane as in training")
    return notes


class _Sink:
    """Writers of all outputs of an image, and the preview."""

    def __init__(
        self,
        classifier: PixelClassifier,
        reader: PlaneReader,
        tiling: Tiling,
        settings: Settings,
        work: Work[Location],
        folder: Path,
        files: ExitStack,
    ) -> None:
        self._classifier = classifier
        self._settings = settings
        self._writers: dict[Export, ClosingWriter] = {}
        info = reader.image.info
        for export in settings.exports:
            if export not in work.outputs:
                continue
            is_labels = export == "segmentation"
            raster = Raster(
                info,
                channel_names(export, classifier.class_names),
                np.dtype(np.uint8 if is_labels else settings.dtype),
                is_labels,
                reader.image.notes,
            )
            path = folder / work.outputs[export]
            writer = open_raster(path, settings.file_format, raster, tiling.shape[1])
            self._writers[export] = files.enter_context(writer)
        self._preview = folder / work.outputs[PREVIEW] if PREVIEW in work.outputs else None
        image = reader.image
        self._shown = (0, image.size("Z") // 2)
        self._step = reduction(image.height, image.width)
        self._picture: list[NDArray[np.uint8]] = []
        self._counts = np.zeros(classifier.n_classes + 1, np.int64)

    @property
    def unclassified(self) -> int:
        """Number of pixels without a class."""
        return int(self._counts[0])

    def shares(self) -> dict[str, float]:
        """Return the part of the pixels that are of each class."""
        total = max(1, int(self._counts.sum()))
        return {
            name: round(int(count) / total, 6)
            for name, count in zip(self._classifier.class_names, self._counts[1:], strict=True)
        }

    def take(self, band: Band) -> None:
        """Write a row of tiles."""
        y = band.y[0]
        for z in range(*band.z):
            probabilities = band.probabilities[:, z - band.z[0]]
            classes = segmentation_of(probabilities)
            self._counts += np.bincount(classes.ravel(), minlength=len(self._counts))
            for export, writer in self._writers.items():
                if export == "segmentation":
                    values: NDArray[Any] = classes[None]
                elif export == "uncertainty":
                    values = encode(uncertainty_of(probabilities)[None], self._settings.dtype)
                else:
                    values = encode(probabilities, self._settings.dtype)
                writer.write(values, band.t, z, y)
            if (band.t, z) == self._shown:
                first = -y % self._step
                self._picture.append(classes[first :: self._step, :: self._step])

    def finish(self, reader: PlaneReader) -> None:
        """Write the preview."""
        if self._preview is None:
            return
        t, z = self._shown
        plane = reader.plane(t, z, 0)[:: self._step, :: self._step]
        png = draw_classes(plane, np.concatenate(self._picture), self._classifier.colors)
        write_bytes(self._preview, png)


def _count_bands(image: Image, tiling: Tiling) -> int:
    slabs = sum(1 for _ in tiling.slabs(image.size("Z")))
    return image.size("T") * slabs * sum(1 for _ in tiling.bands(image.height))
