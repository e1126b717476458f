"""Texts of options that the commands of ``starbridge qupath`` share."""

from __future__ import annotations

QUPATH_HELP = "Folder of QuPath. [default: PAQUO_QUPATH_DIR, else the one that is found]"
HEAP_HELP = "Most memory for QuPath's Java, such as 8g. [default: half of the machine's]"
PROJECT_HELP = "Folder of the project, or its project.qpproj."
