"""Folders of classifiers: a description in JSON, and arrays without pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.files.folders import write_folder


def write_classifier(folder: Path, description: str, files: Mapping[str, bytes]) -> None:
    """Write the folder of a classifier, complete or not at all.

    Args:
        folder: the folder. One that is there must be empty or a classifier, which is replaced.
        description: name of the file by which such a folder is recognised.
        files: content by name.

    Raises:
        BadInputError: something else is there, or it cannot be written.
    """
    is_taken = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if is_taken and not (folder / description).is_file():
        raise BadInputError(
            folder, "is there and is no classifier", "choose another name for the classifier"
        )
    write_folder(folder, files)


def read_description(file: Path, most: int) -> Any:
    """Read the description of a classifier, which may be of any content.

    Args:
        file: the description.
        most: bytes that it may have.

    Raises:
        ValueError: it is far too long, no JSON, or has halves of characters, which are no text.
        RecursionError: it is nested too deeply.
        OSError: it cannot be read.
    """
    if file.stat().st_size > most:
        raise ValueError("it is far too long")
    description = json.loads(file.read_bytes())
    json.dumps(description, ensure_ascii=False).encode()
    return description
