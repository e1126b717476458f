"""Where ``starbridge segment`` is likely to have put the objects of images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bridge.batch import RECORD


def result_folders(images: Iterable[Path]) -> list[Path]:
    """Folders to look for objects in, where a person names none.

    Args:
        images: image files.

    Returns:
        The folders of the images; and inside them and beside them the folders of results, which
        are known by their ``run.json``.
    """
    own = list(dict.fromkeys(image.absolute().parent for image in images))
    found = dict.fromkeys(own)
    for folder in own:
        for around in dict.fromkeys((folder, folder.parent)):
            found |= dict.fromkeys(sorted(record.parent for record in around.glob(f"*/{RECORD}")))
    return list(found)
