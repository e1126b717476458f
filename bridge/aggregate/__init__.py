"""From tables of objects to counts and proportions of classes, section by section.

::

    counts = read_counts(find_tables(["tables/"]), record="study.counts.json")
    study = make_study(counts, maps=[read_map("clone", "genotypes.csv")], min_slices=4)
    study.organoids

Detections and data frames are counted by :func:`count_objects`.
"""

from __future__ import annotations

from bridge.aggregate.classes import ClassRules, read_class_rules
from bridge.aggregate.counting import read_counts
from bridge.aggregate.files import write_tables
from bridge.aggregate.proportions import make_study
from bridge.aggregate.provenance import notes_of
from bridge.aggregate.sections import Reading, SectionCounts, count_objects, count_table
from bridge.aggregate.study import Study
from bridge.aggregate.tables import find_tables
from bridge.formats.naming import PUBLISHED_PATTERN, FieldMap, NamePattern, base_name, read_map

__all__ = [
    "PUBLISHED_PATTERN",
    "ClassRules",
    "FieldMap",
    "NamePattern",
    "Reading",
    "SectionCounts",
    "Study",
    "base_name",
    "count_objects",
    "count_table",
    "find_tables",
    "make_study",
    "notes_of",
    "read_class_rules",
    "read_counts",
    "read_map",
    "write_tables",
]
