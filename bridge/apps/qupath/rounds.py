"""Rounds of review in a QuPath project."""

from __future__ import annotations

from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.project_files import ProjectFiles
from bridge.apps.qupath.sync import Review
from bridge.review.rounds import Round, list_rounds


def rounds_of_review(files: ProjectFiles, review: Review) -> list[Round]:
    """Return the rounds of an image of a project, as far as their pushes are kept.

    QuPath does not say whether a reviewer saved an image without editing it: a round without any
    edit counts as not reviewed.

    Args:
        files: the project.
        review: what :func:`bridge.apps.qupath.sync.read_review` read.

    Returns:
        The rounds, the first push first; none where nothing was pushed.

    Raises:
        BadInputError: a record is damaged.
    """
    if review.changes is None:
        return []
    pushes = {len(one.times): one for one in Backup(files, review.image).all_pushed()}
    last = review.changes.push[0]
    if last not in pushes:
        return []
    numbers = sorted(number for number in pushes if number <= last)
    return list_rounds([pushes[number] for number in numbers], review.changes)
