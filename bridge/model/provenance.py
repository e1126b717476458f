"""The file that a model was unpacked from, written down beside the unpacked model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

FILE = "starbridge.json"
"""File in an unpacked model folder: where it came from, and the hashes of its other files."""

_FORMAT = 1

Kind = Literal["name", "address", "file"]


@dataclass(frozen=True)
class Provenance:
    """The file that a model was unpacked from.

    Attributes:
        kind: ``name`` (a published model), ``address`` (a URL) or ``file``.
        given: the name, the URL without what is secret in it, or the absolute path.
        sha256: hash (hexadecimal) of the file.
        address: where a published model was or would be downloaded.
    """

    kind: Kind
    given: str
    sha256: str
    address: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what is known, by name."""
        return {key: value for key, value in asdict(self).items() if value}


def hash_file(path: Path) -> str:
    """Return a file's SHA-256 (hexadecimal)."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write down where a model folder came from, and what its files are."""
    files = {path.name: hash_file(path) for path in sorted(folder.iterdir())}
    content = {"format": _FORMAT, "source": provenance.to_json(), "files": files}
    text = json.dumps(content, indent=1) + "\n"  # ASCII: a path need not be UTF-8
    (folder / FILE).write_text(text, encoding="utf-8")


def read_provenance(folder: Path) -> Provenance | None:
    """Return where an unpacked model folder came from; ``None`` for any other folder."""
    try:
        return Provenance(**json.loads((folder / FILE).read_bytes())["source"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def is_whole(folder: Path) -> bool:
    """Tell whether an unpacked model folder still is as it was unpacked."""
    try:
        content = json.loads((folder / FILE).read_bytes())
        files = content["files"]
        # A user's recipe.json may be there too.
        return content["format"] == _FORMAT and all(
            hash_file(folder / name) == sha256 for name, sha256 in files.items()
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
