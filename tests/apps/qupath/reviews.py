"""Reviews made by hand, without a QuPath."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bridge import Detections
from bridge.apps.qupath.image_transform import AS_FILE, ImageTransform
from bridge.apps.qupath.project_files import ProjectImage
from bridge.apps.qupath.sync import Review
from bridge.review import Changes


def review_of(
    detections: Detections,
    *files: Path,
    name: str = "a.tif",
    parents: Sequence[str | None] | None = None,
    changes: Changes | None = None,
    transform: ImageTransform = AS_FILE,
) -> Review:
    """What would be read of an image that is made of some files."""
    image = ProjectImage(
        id="1",
        name=name,
        uris=tuple(file.as_uri() for file in files),
        data=Path("data", "1"),
        description="",
        metadata={},
        transform=transform,
    )
    parents = (None,) * len(detections) if parents is None else tuple(parents)
    return Review(
        image=image, detections=detections, parents=parents, changes=changes, last_change=None
    )
