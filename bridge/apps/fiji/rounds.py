"""Rounds of review in a review folder of Fiji."""

from __future__ import annotations

from pathlib import Path

from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.fiji.review_record import ReviewRecord, load_record
from bridge.apps.fiji.review_state import read_state
from bridge.review import compare
from bridge.review.rounds import Round, list_rounds


def read_rounds(folder: Path, name: str) -> list[Round]:
    """Return the rounds of an image, the first push first; nothing is written.

    Args:
        folder: the review folder.
        name: name of the image.

    Raises:
        BadInputError: as :func:`bridge.apps.fiji.review_files.read_review`.
    """
    files = ReviewFiles.of(folder, name)
    state = read_state(files)
    records = [state.record, *_earlier(files, state.record)][::-1]
    # each record says whether the push found a review of the one before
    saved = [any(file.is_review for file in after.note.files.values()) for after in records[1:]]
    changes = compare(state.record.pushed, state.objects)
    pushes = [record.pushed for record in records]
    return list_rounds(pushes, changes, [*saved, state.saved is not None])


def _earlier(files: ReviewFiles, last: ReviewRecord) -> list[ReviewRecord]:
    """Return the records of earlier pushes that were kept, the newest first."""
    records: list[ReviewRecord] = []
    seen = {last.note.push}
    previous = last.note.previous
    while previous and previous not in seen:
        path = files.kept_record(previous)
        if not path.exists():
            break
        seen.add(previous)
        records.append(load_record(files, path))
        previous = records[-1].note.previous
    return records
