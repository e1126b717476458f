"""Settings of the features: which channels, how wide the ring, in which unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.classify.objects.features.ilastik.selection import FeatureSelection
from bridge.classify.objects.features.names import feature_names
from bridge.errors import BadInputError
from bridge.images.channels import channel_titles
from bridge.measure.columns import Unit

if TYPE_CHECKING:
    from bridge.images import Image

NEIGHBOURS = 5
"""Neighbours of an object that count."""

_MOST_CHANNELS = 1_000
_SAME_SIZE = 0.1  # part by which pixel sizes may differ


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """Settings that the features of training and of new images must share.

    Attributes:
        channels: titles of the channels, as :func:`bridge.images.channels.channel_titles` gives.
        n_channels: channels of the images; more than ``channels`` where some were chosen.
        unit: of lengths.
        ring: width of the ring around objects, in ``unit``; ``None`` for no ring and no cell.
        neighbours: of each object that count; 0 for crops, which show one object.
        pixel_size: µm in training, ``None`` where unknown. Textures depend on it.
        ilastik: ilastik's features that are computed instead, in pixels, without ring and
            neighbours.

    Raises:
        ValueError: values that no settings have.

    >>> settings = FeatureSettings(channels=("DAPI",), n_channels=1, unit="px", ring=None)
    >>> settings.names[1], len(settings.names)
    ('Nucleus: Perimeter px', 60)
    """

    channels: tuple[str, ...]
    n_channels: int
    unit: Unit
    ring: float | None
    neighbours: int = NEIGHBOURS
    pixel_size: float | None = None
    ilastik: FeatureSelection | None = None

    def __post_init__(self) -> None:
        """Check the values, which may come from a file."""
        if not 1 <= len(self.channels) <= self.n_channels <= _MOST_CHANNELS:
            raise ValueError(f"{len(self.channels)} of {self.n_channels} channels")
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("one channel is named twice")
        if self.unit not in ("px", "µm"):
            raise ValueError(f"lengths are in {self.unit!r}")
        for length in (self.ring, self.pixel_size):
            if length is not None and not (math.isfinite(length) and length > 0):
                raise ValueError(f"{length} is no length")
        if not 0 <= self.neighbours <= 100:
            raise ValueError(f"{self.neighbours} neighbours count")
        if self.ilastik is not None:
            if self.unit != "px" or self.ring is not None or self.neighbours:
                raise ValueError("ilastik's features are in pixels, without ring and neighbours")
            self.ilastik.columns(self.channels)

    @classmethod
    def of_image(
        cls,
        image: Image,
        *,
        channels: Sequence[int | str] | None = None,
        ring: float | None = None,
        neighbours: int = NEIGHBOURS,
    ) -> FeatureSettings:
        """Return settings for images like one.

        Args:
            image: of which the channels, the unit and the pixel size are taken.
            channels: those to use, in this order; all where ``None``.
            ring: width of the ring, in µm where the pixel size is known, else in pixels.
            neighbours: of each object that count; 0 for crops.

        Raises:
            BadInputError: a channel that is not there, or a ring that is no width.

        >>> import numpy as np
        >>> from bridge.images import from_array
        >>> image = from_array(np.zeros((2, 9, 9)), axes="CYX", channels=["DAPI", "GFP"])
        >>> FeatureSettings.of_image(image, channels=["GFP"]).channels
        ('GFP',)
        """
        titles = channel_titles(image.channels)
        chosen = range(len(titles)) if channels is None else map(image.channel_index, channels)
        size = image.pixel_size
        try:
            return cls(
                channels=tuple(titles[index] for index in chosen),
                n_channels=len(titles),
                unit="px" if size is None else "µm",
                ring=ring,
                neighbours=neighbours,
                pixel_size=None if size is None else size.yx,
            )
        except ValueError as error:
            raise BadInputError(
                str(image.path or image.name),
                f"cannot be measured with these settings: {error}",
                "give other channels or another ring",
            ) from error

    @classmethod
    def of_ilastik(
        cls,
        image: Image,
        selection: FeatureSelection,
        *,
        channels: Sequence[int | str] | None = None,
    ) -> FeatureSettings:
        """Return settings for ilastik's features of images like one.

        Args:
            image: of which the channels and the pixel size are taken.
            selection: the features.
            channels: those to use, in this order; all where ``None``.

        Raises:
            BadInputError: a channel that is not there, or a feature that is not computed of so many
                channels.

        >>> import numpy as np
        >>> from bridge.images import from_array
        >>> image = from_array(np.zeros((2, 9, 9)), axes="CYX", channels=["DAPI", "GFP"])
        >>> selection = FeatureSelection(("Count", "Mean"))
        >>> FeatureSettings.of_ilastik(image, selection).names
        ('Count', 'Mean (DAPI)', 'Mean (GFP)')
        """
        plain = cls.of_image(image, channels=channels, neighbours=0)
        try:
            return replace(plain, unit="px", ilastik=selection)
        except ValueError as error:
            raise BadInputError(
                str(image.path or image.name),
                f"cannot be measured with these settings: {error}",
                "choose other channels, or other features in ilastik",
            ) from error

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        if self.ilastik is not None:
            return self.ilastik.columns(self.channels)
        return feature_names(
            self.channels,
            self.unit,
            has_ring=self.ring is not None,
            has_neighbours=self.neighbours > 0,
        )

    def find_channels(
        self, image: Image, channels: Sequence[int | str] | None = None
    ) -> tuple[int, ...]:
        """Return which channel of an image stands for each of training.

        Args:
            image: a new image.
            channels: its channels in the order of training's; by name where ``None``.

        Raises:
            BadInputError: it has other channels than the images in training.
        """
        titles = channel_titles(image.channels)
        if channels is not None:
            if len(channels) != len(self.channels):
                raise self._other_channels(image, f"{len(channels)} channels are chosen")
            return tuple(image.channel_index(channel) for channel in channels)
        is_unnamed = any(title == f"C{k}" for k, title in enumerate(titles, 1))
        missing = [title for title in self.channels if title not in titles]
        if missing or (is_unnamed and len(titles) != self.n_channels):
            raise self._other_channels(image, f"it has {', '.join(titles)}")
        return tuple(titles.index(title) for title in self.channels)

    def check_pixel_size(self, image: Image) -> str | None:
        """Return a sentence where an image's pixel size is not that of training.

        Raises:
            BadInputError: the features are in µm, and the image's pixel size is not known.
        """
        size = image.pixel_size
        name = str(image.path or image.name)
        if self.unit == "µm" and size is None:
            raise BadInputError(
                name,
                "has no pixel size, and the classifier was trained in µm",
                "give it in µm (--pixel-size)",
            )
        if size is None or self.pixel_size is None:
            return None
        if abs(math.log(size.yx / self.pixel_size)) <= _SAME_SIZE:
            return None
        what = "textures" if self.ilastik is None else "sizes and neighbourhoods in pixels"
        return (
            f"{name} has pixels of {size.yx:.3g} µm, and the classifier was trained on "
            f"{self.pixel_size:.3g} µm: {what} differ, so that classes may be wrong"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, readable by :meth:`from_json`."""
        return {
            "channels": list(self.channels),
            "n_channels": self.n_channels,
            "unit": self.unit,
            "ring": self.ring,
            "neighbours": self.neighbours,
            "pixel_size": self.pixel_size,
            **({} if self.ilastik is None else {"ilastik": self.ilastik.to_json()}),
        }

    @classmethod
    def from_json(cls, record: Any) -> FeatureSettings:
        """Read what :meth:`to_json` returned.

        Raises:
            ValueError, TypeError, KeyError: a record that is damaged.
        """
        ring, size, ilastik = record["ring"], record["pixel_size"], record.get("ilastik")
        if not all(isinstance(name, str) for name in record["channels"]):
            raise TypeError("a channel's name is no text")
        return cls(
            channels=tuple(record["channels"]),
            n_channels=int(record["n_channels"]),
            unit=record["unit"],
            ring=None if ring is None else float(ring),
            neighbours=int(record["neighbours"]),
            pixel_size=None if size is None else float(size),
            ilastik=None if ilastik is None else FeatureSelection.from_json(ilastik),
        )

    def _other_channels(self, image: Image, detail: str) -> BadInputError:
        return BadInputError(
            str(image.path or image.name),
            f"has other channels than the images in training: {detail}; trained on "
            f"{', '.join(self.channels)} of {self.n_channels}",
            "give images with these channels, or say which stand for them",
        )
