"""Check what a Parquet file unpacks to before it is unpacked."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from bridge.errors import BadInputError
from bridge.files.gzipped import LARGEST_RATIO, NEVER_TOO_LARGE

_LONGEST_NOTE = 2**16  # bytes of GeoParquet's metadata: reading a long coordinate system takes much


def check_sizes(file: Path) -> None:
    """Refuse a Parquet file whose columns say that they unpack to far more than its size allows.

    Args:
        file: the file.

    Raises:
        BadInputError: more rows or bytes than an honest file of this size holds.
        pyarrow.ArrowException: no Parquet, or a damaged one.
    """
    metadata = pq.read_metadata(file)
    if len((metadata.metadata or {}).get(b"geo", b"")) > _LONGEST_NOTE:
        raise BadInputError(file, "has far too much metadata", "export it again")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    unpacked = sum(
        group.column(place).total_uncompressed_size
        for group in groups
        for place in range(group.num_columns)
    )
    allowed = max(NEVER_TOO_LARGE, LARGEST_RATIO * file.stat().st_size)
    # Equal values of many rows take next to nothing, but each row is an object with an outline.
    if unpacked > allowed or metadata.num_rows > allowed // 8 or metadata.num_rows < 0:
        raise BadInputError(
            file, "unpacks to far more than an honest file of its size", "export it again"
        )
