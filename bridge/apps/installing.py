"""Files that starbridge puts into other programs' folders, and people may change there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import bridge
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes

RECORD = ".starbridge.json"
"""Name of the file that tells starbridge's own files from those that a person has changed."""

Done = list[tuple[str, Path]]
"""What became of files: "written", "unchanged", "kept", "saved" or "removed"."""


def put_files(folder: Path, contents: Mapping[str, bytes], *, overwrite: bool = False) -> Done:
    """Bring a folder's own files up to date, and leave alone what a person has changed there.

    Args:
        folder: where they go; a record of them is kept beside them.
        contents: what each file is to hold, by name.
        overwrite: replace also what a person has changed, which is kept under another name.

    Raises:
        BadInputError: the folder cannot be written.
    """
    record = folder / RECORD
    ours = _recorded(record)
    done: Done = []
    hashes: dict[str, str] = {}
    for name, content in contents.items():
        path, wanted = folder / name, hashlib.sha256(content).hexdigest()
        there = file_hash(path)
        if there == wanted:
            done.append(("unchanged", path))
        elif there is None or there == ours.get(name):
            write_bytes(path, content)
            done.append(("written", path))
        elif overwrite:
            saved = _free_name(path)
            path.rename(saved)
            write_bytes(path, content)
            done += [("saved", saved), ("written", path)]
        else:
            done.append(("kept", path))
            if name in ours:
                hashes[name] = ours[name]
            continue
        hashes[name] = wanted
    for name in sorted(ours.keys() - contents.keys()):
        path = folder / name
        if file_hash(path) == ours[name]:
            path.unlink()
            done.append(("removed", path))
    text = json.dumps({"starbridge": bridge.__version__, "files": hashes}, indent=1)
    write_bytes(record, (text + "\n").encode())
    return done


def sorted_by(done: Done) -> dict[str, tuple[Path, ...]]:
    """The files by what became of them."""
    kinds = ("written", "unchanged", "kept", "saved", "removed")
    return {kind: tuple(path for what, path in done if what == kind) for kind in kinds}


def _recorded(record: Path) -> dict[str, str]:
    """Hashes of the files as starbridge wrote them; a damaged record holds none."""
    try:
        files = json.loads(record.read_bytes())["files"]
        # A name that leads elsewhere is not ours.
        return {str(k): str(v) for k, v in files.items() if Path(k).name == k}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def file_hash(path: Path) -> str | None:
    """What a file holds, as a SHA-256; ``None`` where there is none.

    Raises:
        BadInputError: a folder is in its place.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise BadInputError(path, "is a folder where a file belongs", "delete or rename it")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _free_name(path: Path) -> Path:
    number = 1
    while True:
        word = "edited" if number == 1 else f"edited {number}"
        free = path.with_name(f"{path.stem} ({word}){path.suffix}")
        if not free.exists():
            return free
        number += 1
