"""Fields in the names of files, and tables that say more of them.

The images of a study carry their metadata in their names:

>>> pattern = NamePattern.parse(PUBLISHED_PATTERN)
>>> fields = pattern.match(base_name("tables/Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1_table.csv"))
>>> fields["clone"], fields["day"], fields["slice"]
('Pa', 'J70', 's1')
"""

from __future__ import annotations

from bridge.formats.naming.mapping import FieldMap, parse_map, read_map
from bridge.formats.naming.patterns import (
    PUBLISHED_PATTERN,
    NamePattern,
    base_name,
    field_title,
    natural_key,
)

__all__ = [
    "PUBLISHED_PATTERN",
    "FieldMap",
    "NamePattern",
    "base_name",
    "field_title",
    "natural_key",
    "parse_map",
    "read_map",
]
