"""Settings that an exported file carries, or the export record beside it.

An export of starbridge has ``config.json``, ``thresholds.json`` and ``recipe.json`` beside its
graph, so that nothing has to be asked; a frozen graph (.pb) has room for none, and its
``NAME.export.json`` holds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.files.archive import list_zip, read_member
from bridge.files.hashing import file_hash
from bridge.model.recipe import RECIPE_FILE

CONFIG_KEY = "config.json"
SETTINGS_FILES = (CONFIG_KEY, "thresholds.json", RECIPE_FILE)
"""Files that an export of starbridge carries beside its graph."""

RECORD_ENDING = ".export.json"
"""Ending of the record that lies beside exported files."""

AGAIN = "download or export it again"

_NEEDED = ("prob", "nms", "percentiles")
_MOST_BYTES = 2**24  # of a settings file, many times what one has


@dataclass(frozen=True)
class ExportSettings:
    """The settings of an exported model.

    Attributes:
        config: ``config.json`` of its training; ``None`` where nobody knows it.
        recipe: settings of :class:`bridge.model.recipe.Recipe`, as JSON has them.
    """

    config: dict[str, Any] | None = None
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Settings that StarDist needs and that nobody knows.

        >>> ExportSettings(recipe={"prob": 0.5, "nms": 0.4}).missing
        ('percentiles',)
        """
        return tuple(key for key in _NEEDED if self.recipe.get(key) is None)


def read_export_settings(path: Path) -> ExportSettings:
    """Read the settings of an exported zip, without its graph.

    Args:
        path: a zip of ``starbridge export`` or of StarDist's ``export_TF``.

    Raises:
        BadInputError: no zip or a damaged one, or settings that are no JSON.
    """
    inside = set(list_zip(path))
    texts = {
        name: read_member(path, name, _MOST_BYTES).decode(errors="replace")
        for name in SETTINGS_FILES
        if name in inside
    }
    return merge_settings(path, texts, recorded_settings(path, file_hash(path) or ""))


def merge_settings(
    source: Path, texts: Mapping[str, str], recorded: Mapping[str, Any]
) -> ExportSettings:
    """Return what is written in a file, and else in the record beside it.

    Args:
        source: the file, for errors.
        texts: its settings files by name.
        recorded: what :func:`recorded_settings` found.

    Raises:
        BadInputError: a settings file that is no JSON object.

    >>> merge_settings(Path("a.zip"), {"thresholds.json": '{"prob": 0.6}'}, {}).recipe
    {'prob': 0.6}
    """
    found: dict[str, dict[str, Any]] = {}
    for name in SETTINGS_FILES:
        if name in texts:
            try:
                content = json.loads(texts[name])
            except (ValueError, RecursionError) as error:
                raise BadInputError(source, f"its {name} is damaged", AGAIN) from error
            if not isinstance(content, dict):
                raise BadInputError(source, f"its {name} is damaged", AGAIN)
            found[name] = content
    recipe = dict(recorded.get("recipe") or {})
    recipe |= found.get(RECIPE_FILE, {}) | found.get("thresholds.json", {})
    return ExportSettings(found.get(CONFIG_KEY) or recorded.get("config"), recipe)


def recorded_settings(path: Path, digest: str) -> dict[str, Any]:
    """Return recipe and config of the export record beside a file, if it is of this very file.

    Args:
        path: the file.
        digest: its SHA-256.
    """
    for record in sorted(path.absolute().parent.glob(f"*{RECORD_ENDING}")):
        try:
            content = json.loads(record.read_bytes())
            if any(entry["sha256"] == digest for entry in content["files"]):
                return {"recipe": content["recipe"], "config": content["model"].get("config")}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
    return {}
