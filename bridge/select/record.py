"""What was measured and cropped before, so that the same command does only what is new."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import bridge
from bridge.files.atomic import write_bytes

log = logging.getLogger(__name__)

RECORD = "select.json"


class Record:
    """``select.json`` in the output folder.

    A damaged record is as none: images are measured again, and crops that are there are then taken
    for somebody else's.

    Args:
        out: the output folder.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / RECORD
        self._parts: dict[str, dict[str, Any]] = {"images": {}, "crops": {}}
        try:
            content = json.loads(self._path.read_bytes())
            self._parts = {part: dict(content[part]) for part in self._parts}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s: cannot be read and is made anew (%s)", self._path, error)

    def known(self, part: str, name: str, key: dict[str, Any]) -> dict[str, Any] | None:
        """What was found for an image, if it was made from the same files in the same way.

        Args:
            part: ``images`` or ``crops``.
            name: of the image.
            key: everything that decides the result.
        """
        entry = self._parts[part].get(name)
        if not isinstance(entry, dict) or entry.get("key") != key:
            return None
        result = entry.get("result")
        return result if isinstance(result, dict) else None

    def keep(self, part: str, name: str, key: dict[str, Any], result: dict[str, Any]) -> None:
        """Note a result, on disk at once.

        Raises:
            BadInputError: the record cannot be written.
        """
        self._parts[part][name] = {"key": key, "result": result}
        self.save()

    def save(self) -> None:
        """Write the record.

        Raises:
            BadInputError: it cannot be written.
        """
        content = {"starbridge": bridge.__version__, **self._parts}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_bytes(self._path, text.encode(errors="surrogateescape"))


def identity(path: Path) -> list[Any]:
    """Path, size and time of change: what tells whether a file is still the same."""
    try:
        status = path.stat()
    except OSError:
        return [str(path), None, None]
    return [str(path), status.st_size, status.st_mtime_ns]
