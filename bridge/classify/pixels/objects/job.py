"""Make objects of many maps of probabilities, or of many images by Otsu's method."""

from __future__ import annotations

import platform
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.results import check_formats, result_places, reusable_result, write_results
from bridge.classify.pixels.objects.maps import ProbabilityMap, map_name, open_map
from bridge.classify.pixels.objects.segmenting import segment_intensities, segment_map
from bridge.classify.pixels.objects.settings import ObjectSettings
from bridge.formats import format_of
from bridge.formats.layout import DEFAULT_FORMATS, RECORD
from bridge.images import Image, open_image
from bridge.images.channels import NUMBERING
from bridge.images.locations import Location, known_identity

if TYPE_CHECKING:
    from bridge.detections import Detections

OTSU = ObjectSettings(cutoff=None, sigma=1.5)
"""Settings of the baseline, those of the macro ``otsu_baseline.ijm``."""


@dataclass(frozen=True)
class _ResultsJob(ImageJob[Location]):
    """Objects of images, written as results.

    Attributes:
        settings: what makes an object.
        formats: keys of :func:`bridge.formats.layout.places`.
        axes: axes of the images, where the files do not say them.
        pixel_size: in µm, over what the files say.

    Raises:
        BadInputError: an unknown format, or none.
    """

    record = RECORD
    memory_remedy = "make objects of a smaller region"

    settings: ObjectSettings = field(default_factory=ObjectSettings)
    formats: tuple[str, ...] = DEFAULT_FORMATS
    axes: str | None = None
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        check_formats(self.formats)

    @abstractmethod
    def open(self, item: Location) -> Image:
        """Open an image.

        Raises:
            BadInputError: it cannot be opened.
        """

    @abstractmethod
    def find(self, image: Image, progress: Progress, notes: list[str]) -> Detections:
        """Find the objects of an image.

        Raises:
            StarbridgeError: it has none that can be found.
        """

    @abstractmethod
    def channel(self, image: Image) -> int | str | None:
        """Return the channel that a preview shows."""

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the outlines.

        Raises:
            BadInputError: the image cannot be looked at.
        """
        return {
            "image": known_identity(item),
            "settings": self.settings.to_json(),
            "axes": self.axes,
            "pixel size": self.pixel_size,
        }

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the files of an image by format."""
        return result_places(self.name(item), self.formats)

    def describe(self) -> dict[str, Json]:
        """Return settings and versions."""
        return {
            "settings": self.settings.to_json(),
            "axes": self.axes,
            "pixel_size": self.pixel_size,
            "formats": list(self.formats),
            "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        }

    def reusable(self, item: Location, out: Path) -> Path | None:
        """Return a file from which other formats can be written, so that all keep their UUIDs.

        Raises:
            BadInputError: the outlines cannot be had from what is there.
        """
        return reusable_result(self.name(item), out)

    def files(self, item: Location) -> list[Path]:
        """Return the image, where it is a file."""
        return [item] if isinstance(item, Path) else []

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Make objects of an image and write its outputs, or write them from those there are."""
        notes: list[str] = []
        with self.open(work.item) as image:
            if work.reuse is not None:
                detections: Detections = format_of(work.reuse).read(work.reuse, image=image.info)
            else:
                detections = self.find(image, progress, notes)
            detections.image = replace(detections.image, name=work.name)
            write_results(
                detections,
                work.outputs,
                folder,
                lambda z, t: image.plane(self.channel(image), z=z, t=t),
            )
        return Made(len(detections), notes=tuple(notes))


@dataclass(frozen=True)
class ObjectsJob(_ResultsJob):
    """Objects of maps of probabilities.

    Attributes:
        of_class: class of the objects: number from 1 or name; ``None`` where there is only one.
        cytoplasm: class of the cytoplasm, where the objects are nuclei whose cells are wanted.
    """

    participle = "made into objects"
    clash_remedy = "make their objects in different --out folders"

    of_class: str | None = None
    cytoplasm: str | None = None

    def name(self, item: Location) -> str:
        """Return the name of the image that a map was made of."""
        return map_name(item)

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the outlines.

        Raises:
            BadInputError: the map cannot be looked at.
        """
        return {**super().key(item), "class": self.of_class, "cytoplasm": self.cytoplasm}

    def describe(self) -> dict[str, Json]:
        """Return settings, classes and versions."""
        return {**super().describe(), "class": self.of_class, "cytoplasm": self.cytoplasm}

    def open(self, item: Location) -> Image:
        """Open a map.

        Raises:
            BadInputError: it cannot be opened.
        """
        return open_map(item, axes=self.axes, pixel_size=self.pixel_size)

    def channel(self, image: Image) -> int:
        """Return the channel of the objects' class."""
        return ProbabilityMap(image).class_index(self.of_class)

    def find(self, image: Image, progress: Progress, notes: list[str]) -> Detections:
        """Make objects of a map.

        Raises:
            StarbridgeError: it is no map of probabilities, or lacks the class.
        """
        probabilities = ProbabilityMap(image)
        channel = probabilities.class_index(self.of_class)
        cytoplasm = None
        if self.cytoplasm is not None:
            cytoplasm = probabilities.class_index(self.cytoplasm, "--cytoplasm")
        oddity = probabilities.find_oddity()
        notes += [oddity] if oddity else []
        notes += _note_slices(image)
        return segment_map(
            probabilities, channel, self.settings, cytoplasm=cytoplasm, progress=progress
        )


@dataclass(frozen=True)
class OtsuJob(_ResultsJob):
    """Objects of images by Otsu's threshold, the baseline without any training.

    Attributes:
        of_channel: channel of the objects: number from 0 or name; ``None`` where there is only one.
    """

    participle = "segmented"
    clash_remedy = "segment them into different --out folders"

    settings: ObjectSettings = OTSU
    of_channel: int | str | None = None

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the outlines.

        Raises:
            BadInputError: the image cannot be looked at.
        """
        return {**super().key(item), "choice of channel": self.of_channel, NUMBERING: "from 1"}

    def describe(self) -> dict[str, Json]:
        """Return settings, channel and versions."""
        return {**super().describe(), "channel": self.of_channel}

    def open(self, item: Location) -> Image:
        """Open an image.

        Raises:
            BadInputError: it cannot be opened.
        """
        return open_image(item, axes=self.axes, pixel_size=self.pixel_size)

    def channel(self, image: Image) -> int | str | None:
        """Return the channel of the objects."""
        del image
        return self.of_channel

    def find(self, image: Image, progress: Progress, notes: list[str]) -> Detections:
        """Find bright objects in an image.

        Raises:
            StarbridgeError: it lacks the channel, or has values that are no numbers.
        """
        notes += _note_slices(image)
        return segment_intensities(image, self.of_channel, self.settings, progress=progress)


def _note_slices(image: Image) -> list[str]:
    count = image.size("Z")
    if count == 1:
        return []
    return [
        f"its {count} slices are planes of their own; starbridge volume clean makes pieces in 3D"
    ]
