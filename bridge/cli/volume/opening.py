"""Settings by which volumes are opened, of the options that the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.volumes.job import OpenSettings


def opening_settings(
    *,
    axes: str | None,
    voxel: str | None,
    channel: str | None,
    time: int | None,
    prepared: Path | None = None,
) -> OpenSettings:
    """Return how volumes are opened.

    Args:
        axes: as ``--axes``.
        voxel: as ``--voxel``.
        channel: as ``--channel``.
        time: as ``--time``.
        prepared: as ``--prepared``.

    Raises:
        BadInputError: a voxel size that is none, or that contradicts a prepared volume.
    """
    from bridge.volumes.job import OpenSettings
    from bridge.volumes.voxels import parse_triple

    return OpenSettings(
        axes=axes,
        voxel=None if voxel is None else parse_triple(voxel, "--voxel", "1,0.36,0.36"),
        channel=channel,
        time=time,
        prepared=prepared,
    )
