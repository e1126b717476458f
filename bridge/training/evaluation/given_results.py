"""Folders of results, whoever made them, to be scored beside models."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInputError
from bridge.formats import format_of
from bridge.formats.layout import FORMATS, RECORD, endings
from bridge.formats.pairing import name_of_objects, objects_of
from bridge.images import image_name
from bridge.images.names import is_zarr
from bridge.model.bioimageio import RDF_NAMES
from bridge.training.pairs import TrainingPair
from bridge.training.sources.options import ReadOptions
from bridge.training.sources.planes import choose_plane
from bridge.training.sources.reviewed import draw_reviewed, select_training_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_OF_MODELS = ("config.json", *RDF_NAMES)
_FOLDERS = {Path(spec.place).parts[0] for spec in FORMATS.values()}


def is_results(item: str | PathLike[str]) -> bool:
    """Return whether a path is a folder of results, not of a model.

    It has a record of starbridge or the folders of its results (``lbl``, ``roi``, …), or files of
    objects and none of those by which models are recognised.

    >>> is_results("demo")
    False
    """
    folder = Path(item)
    if not folder.is_dir() or is_zarr(folder) or any((folder / n).exists() for n in _OF_MODELS):
        return False
    if (folder / RECORD).is_file() or any((folder / name).is_dir() for name in _FOLDERS):
        return True
    return any(path.name.lower().endswith(endings()) for path in folder.iterdir())


@dataclass(frozen=True)
class GivenResults:
    """A folder of results that is scored as a model is.

    Attributes:
        path: a folder such as ``starbridge segment --out`` writes, or with files of objects called
            as the images are (``NAME.geojson``, ``NAME_labels.tif``, …).
        options: slice and time point of stacks; which objects count.
    """

    path: Path
    options: ReadOptions = field(default_factory=ReadOptions)

    def find(self, pair: TrainingPair) -> tuple[NDArray[Any], dict[int, float]]:
        """Draw the objects of a pair's image.

        Returns:
            The label image, of the size of the pair; probabilities by label, where they are known.

        Raises:
            BadInputError: there are no results of the image, or they are of another size.
        """
        file = self._file(pair)
        detections = format_of(file).read(file)
        info = detections.image
        z, t = choose_plane((info.size_z or 1, info.size_t or 1), self.options, str(file))
        top, left = pair.frame
        height, width = pair.labels.shape
        is_whole = name_of_objects(file) == pair.name and pair.frame == (0, 0)
        if info.width and info.height:
            is_other = (info.width, info.height) != (width, height)
            is_smaller = info.width < left + width or info.height < top + height
            if is_smaller or (is_whole and is_other):
                raise BadInputError(
                    file,
                    f"is of an image of {info.width} × {info.height} pixels, and {pair.name} has "
                    f"{width} × {height}",
                    "give the results of these very images",
                )
        frame = detections.objects
        frame = frame[(frame["z"] == z) & (frame["t"] == t)]
        objects = select_training_objects(frame, self.options).objects
        if (top, left) != (0, 0):
            objects = objects.assign(geometry=objects.geometry.translate(-left, -top))
        labels = draw_reviewed(objects, (height, width)).labels
        numbers, probabilities = objects["label"].tolist(), objects["prob"].tolist()
        return labels, dict(zip(numbers, probabilities, strict=True))

    def _file(self, pair: TrainingPair) -> Path:
        """Return the file of a pair's objects: by its name, its image's or that of its file."""
        files = sorted(p for p in self.path.iterdir() if p.name.lower().endswith(endings()))
        for sources in ([self.path], files):
            for name in self._names(pair):
                with suppress(BadInputError):
                    return objects_of(Path(name), sources)
        raise BadInputError(
            pair.source or pair.name,
            f"has no objects in {self.path}",
            f"expected {pair.name}.geojson, or a label image of that name",
        )

    @staticmethod
    def _names(pair: TrainingPair) -> Iterator[str]:
        yield pair.name
        if pair.group:
            yield pair.group
        if pair.source:
            yield image_name(pair.source)
