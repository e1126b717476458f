"""A small job: copies texts, counts their lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.batch.job import Job, Made, Progress, Work
from bridge.errors import BadInputError
from bridge.images.locations import known_identity


@dataclass
class Copy(Job[Path]):
    """Copies a text, and in capitals too."""

    record = "copies.json"
    items = "texts"
    participle = "copied"

    formats: tuple[str, ...] = ("txt", "capitals")
    prefix: str = ""
    with_parts: bool = True
    ran: list[str] = field(default_factory=list)

    def name(self, item: Path) -> str:
        return item.stem

    def source(self, item: Path) -> Path:
        return item

    def key(self, item: Path) -> dict[str, Any]:
        return {"text": known_identity(item), "prefix": self.prefix}

    def outputs(self, item: Path) -> dict[str, str]:
        return {key: f"{key}/{item.stem}.{key}" for key in self.formats}

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        self.ran.append(work.name)
        text = work.item.read_text()
        if text == "bad":
            raise BadInputError(work.item, "is bad", "mend it")
        if text == "worse":
            raise ZeroDivisionError
        left_out = ("capitals",) if text.isupper() else ()
        for key, relative in work.outputs.items():
            if key not in left_out:
                (folder / relative).parent.mkdir(exist_ok=True)
                copied = text if key == "txt" else text.upper()
                (folder / relative).write_text(self.prefix + copied)
        progress(1, 1)
        more = {"log": f"{work.name}.log"} if "log" in text else {}
        for relative in more.values():
            (folder / relative).write_text("log")
        parts = [f"parts/{work.name} {word}.txt" for word in text.split() if word.startswith("#")]
        owned = {}
        for part in parts:
            (folder / "parts").mkdir(exist_ok=True)
            (folder / part).write_text(part)
            more[part] = part
            owned[part] = hashlib.sha256(part.encode()).hexdigest()
        notes = (f"copied {work.name}",)
        return Made(
            len(text.split()), {"length": len(text)}, left_out, more, notes,
            owned=owned if self.with_parts else None,
        )  # fmt: skip

    def leftovers(self, item: Path, out: Path) -> list[str]:
        return [f"parts/{path.name}" for path in (out / "parts").glob(f"{item.stem} *.txt")]


class Count(Copy):
    """Only counts; its results are in the record alone."""

    record = "counts.json"

    def outputs(self, item: Path) -> dict[str, str]:
        del item
        return {}
