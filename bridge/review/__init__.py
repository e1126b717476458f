"""Compare reviewed objects with what was pushed, and merge reviews with new segmentations.

A segmentation is pushed into an application (:class:`Pushed`, stored by :func:`save_push_record`
and read by :func:`load_push_record`), reviewed there and read back. :func:`compare` lists the
reviewer's edits, :func:`merge` keeps every decision of the reviewer in a new segmentation, and
:func:`bridge.review.results.write_results` writes the result as files.
"""

from __future__ import annotations

from bridge.review.changes import Changes, compare
from bridge.review.merge import Merged, merge
from bridge.review.pushed import Pushed
from bridge.review.record import load_push_record, save_push_record
from bridge.review.scope import Scope, segmented_planes

__all__ = [
    "Changes",
    "Merged",
    "Pushed",
    "Scope",
    "compare",
    "load_push_record",
    "merge",
    "save_push_record",
    "segmented_planes",
]
