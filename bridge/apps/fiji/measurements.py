"""ImageJ's measurements as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bridge.images.channels import find_channel

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bridge.detections import Detections

_LENGTHS = (
    "X",
    "Y",
    "Perim.",
    "Major",
    "Minor",
    "Feret",
    "MinFeret",
)
_MICROMETRES = ("um", "µm", "μm", "micron", "microns", "micrometer")


def channel_numbers(
    wanted: Sequence[int | str] | None, names: Sequence[str], image: str
) -> list[int]:
    """Return ImageJ's numbers (from 1) of channels given by name or by number from 0.

    Raises:
        BadInputError: a channel that the image does not have.
    """
    if wanted is None:
        return list(range(1, len(names) + 1))
    return [find_channel(names, channel, image) + 1 for channel in wanted]


def as_frame(
    objects: Detections,
    values: NDArray[Any],
    columns: Sequence[tuple[str, int]],
    names: Sequence[str],
    unit: str,
) -> pd.DataFrame:
    """Return ImageJ's measurements as a table with named rows and columns.

    Args:
        objects: the objects, in the order of the rows.
        values: (objects, columns).
        columns: ImageJ's heading and the channel from 1 (0 for shapes) of each column.
        names: names of the image's channels.
        unit: ImageJ's unit of length.
    """
    import pandas as pd

    length = "µm" if unit.lower() in _MICROMETRES else "px" if unit.startswith("pixel") else unit
    headings = []
    for name, channel in columns:
        if channel:
            headings.append(f"{names[channel - 1]}: {name}")
        elif name == "Area":
            headings.append(f"Area {length}²")
        else:
            headings.append(f"{name} {length}" if name in _LENGTHS else name)
    table = pd.DataFrame(values, columns=headings, index=objects.objects.index)
    for position, field in enumerate(("label", "name", "class")):
        table.insert(position, field, objects.objects[field])
    return table
