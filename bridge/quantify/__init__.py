"""From tables of objects to counts and proportions of classes, section by section.

::

    counts = read_counts(find_tables(["tables/"]), record="study.counts.json")
    study = make_study(counts, maps=[read_map("clone", "genotypes.csv")], min_slices=4)
    study.organoids

Detections and data frames are counted by :func:`count_objects`.
"""

from __future__ import annotations

from bridge.quantify.aggregate import make_study
from bridge.quantify.classes import ClassRules, read_class_rules
from bridge.quantify.counting import read_counts
from bridge.quantify.files import write_tables
from bridge.quantify.mapping import FieldMap, read_map
from bridge.quantify.names import PUBLISHED_PATTERN, NamePattern, base_name
from bridge.quantify.provenance import notes_of
from bridge.quantify.sections import Reading, SectionCounts, count_objects, count_table
from bridge.quantify.study import Study
from bridge.quantify.tables import find_tables

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
