"""Reviews: what a person did to the objects, and how a later segmentation takes it over.

A segmentation is pushed into an application (:class:`Pushed`, kept by :func:`remember` and
:func:`recall`), reviewed there and read back. :func:`compare` says what the reviewer did,
:func:`merge` brings a new segmentation and every decision of the reviewer together.
"""

from __future__ import annotations

from bridge.review.changes import Changes, compare
from bridge.review.merge import Merged, merge
from bridge.review.pushed import Pushed
from bridge.review.record import recall, remember

__all__ = ["Changes", "Merged", "Pushed", "compare", "merge", "recall", "remember"]
