"""What must hold of an output folder, whoever did the work."""

from __future__ import annotations

from pathlib import Path

from bridge import Detections
from bridge.batch.listener import Listener, Outcome
from bridge.batch.record import read_record
from bridge.batch.segment_job import Settings
from bridge.images.locations import Location

SETTINGS = Settings(formats=("rois", "geojson", "csv"))


def check_outputs(out: Path, names: list[str]) -> None:
    """Of each image all files, of one piece of work, and nothing else but the record."""
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    wanted = {
        relative
        for name in names
        for relative in (f"roi/{name}_rois.zip", f"geojson/{name}.geojson", f"tables/{name}.csv")
    }
    assert files == {"run.json", *wanted}
    assert not list(out.glob(".*"))
    record = read_record(out)["images"]
    for name in names:
        ids = [
            Detections.read(out / relative).ids
            for relative in (f"roi/{name}_rois.zip", f"geojson/{name}.geojson")
        ]
        ids.append(Detections.read(out / f"tables/{name}.csv").ids)
        assert len(ids[0]) == 1
        assert ids[0] == ids[1] == ids[2]
        assert record[name]["status"] == "done"
        assert record[name]["objects"] == 1


class Ear(Listener):
    """Collects the reports of a batch."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.tiles: list[str] = []
        self.finished: list[str] = []
        self.remarks: list[str] = []

    def item_started(self, number: int, total: int, source: Location) -> None:
        self.started.append(source.name)

    def item_progress(self, source: Location, done: int, total: int) -> None:
        self.tiles.append(source.name)

    def item_finished(self, outcome: Outcome) -> None:
        self.finished.append(f"{outcome.name}: {outcome.status}")

    def remark(self, line: str) -> None:
        self.remarks.append(line)
