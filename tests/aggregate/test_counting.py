"""Many tables, read once each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge.aggregate.counting import read_counts
from bridge.aggregate.record import (
    WORKBOOK,
    describe_workbook,
    is_as_written,
    save_workbook,
    written_workbook,
)
from bridge.aggregate.sections import Reading
from bridge.batch.listener import Listener, Outcome
from bridge.batch.workers.select import choose_workers
from bridge.errors import BadInputError
from bridge.images.locations import Location
from tests.aggregate.ilastik import joined_table, write_hdf5_table, write_table


class Told(Listener):
    """Collects the reports of a batch."""

    def __init__(self) -> None:
        self.numbers: list[tuple[int, int]] = []
        self.outcomes: dict[str, Outcome] = {}

    def item_started(self, number: int, total: int, source: Location) -> None:
        self.numbers.append((number, total))

    def item_finished(self, outcome: Outcome) -> None:
        self.outcomes[Path(outcome.name).name.removesuffix("_table.csv")] = outcome


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Five tables with 1, 2, … of class A and 10 of B."""
    return [
        write_table(tmp_path / "tables", {"A": n, "B": 10}, f"s{n}", seed=n) for n in range(1, 6)
    ]


def test_every_table_in_order_and_progress(tables: list[Path]) -> None:
    told = Told()

    found = read_counts(tables, listener=told)

    assert [section.section for section in found] == ["s1", "s2", "s3", "s4", "s5"]
    assert [section.counts for section in found] == [{"A": n, "B": 10} for n in range(1, 6)]
    assert told.numbers == [(n, 5) for n in range(1, 6)]
    assert {o.status for o in told.outcomes.values()} == {"done"}
    assert told.outcomes["s3"].objects == 13


def test_a_bad_table_is_named_and_the_rest_goes_on(tables: list[Path]) -> None:
    tables[1].write_text("no table")
    tables[3].unlink()
    told = Told()

    found = read_counts(tables, listener=told)

    assert [bool(section.problem) for section in found] == [False, True, False, True, False]
    assert found[1].problem.startswith("has no column of classes")
    assert str(told.outcomes["s4"].error).startswith(str(tables[3]))
    assert told.outcomes["s4"].status == "failed"


class TestReadingAgain:
    @pytest.fixture
    def record(self, tables: list[Path], tmp_path: Path) -> Path:
        path = tmp_path / "study.counts.json"
        read_counts(tables, record=path)
        return path

    def statuses(
        self,
        tables: list[Path],
        record: Path,
        reading: Reading | None = None,
        head: dict[str, Any] | None = None,
    ) -> str:
        """The first letters of the outcome of each table."""
        told = Told()
        found = read_counts(tables, reading, record=record, head=head, listener=told)
        assert [s.counts for s in found] == [s.counts for s in read_counts(tables, reading)]
        return "".join(told.outcomes[s.section].status[0] for s in found)

    def test_only_a_new_section_is_read(self, tables: list[Path], record: Path) -> None:
        new = write_table(tables[0].parent, {"C": 3}, "s6")

        assert self.statuses([*tables, new], record) == "sssssd"
        assert self.statuses([*tables, new], record) == "ssssss"

    def test_a_changed_table_is_read_again(self, tables: list[Path], record: Path) -> None:
        before = tables[2].stat()
        tables[2].write_bytes(tables[2].read_bytes().replace(b",A,", b",C,"))
        os.utime(tables[2], ns=(before.st_atime_ns, before.st_mtime_ns + 1))

        assert self.statuses(tables, record) == "ssdss"

    def test_tables_that_were_read_in_another_way_are_read_again(
        self, tables: list[Path], record: Path
    ) -> None:
        assert self.statuses(tables, record, Reading(user_labels=True)) == "ddddd"

    def test_a_run_that_was_stopped_goes_on(
        self, tables: list[Path], record: Path, tmp_path: Path
    ) -> None:
        class Stopped(Told):
            def item_finished(self, outcome: Outcome) -> None:
                super().item_finished(outcome)
                if len(self.outcomes) == 3:
                    raise KeyboardInterrupt

        other = tmp_path / "other.counts.json"
        with pytest.raises(KeyboardInterrupt):
            read_counts(tables, record=other, listener=Stopped())

        assert sorted(self.statuses(tables, other)) == ["d", "d", "s", "s", "s"]

    def test_a_failed_table_is_tried_again(self, tables: list[Path], record: Path) -> None:
        whole = tables[1].read_bytes()
        tables[1].write_text("no table")
        assert self.statuses(tables, record) == "sfsss"
        tables[1].write_bytes(whole)
        assert self.statuses(tables, record) == "sdsss"

    @pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"tables": 3}', b"[" * 100_000])
    def test_a_damaged_record_is_named_and_kept(
        self, tables: list[Path], record: Path, damage: bytes
    ) -> None:
        record.write_bytes(damage)

        with pytest.raises(BadInputError, match=str(record)):
            read_counts(tables, record=record)

        assert record.read_bytes() == damage

    @pytest.mark.parametrize(
        "section", [{"counts": {"A": -3}}, {"kind": None, "surprise": 1}, 7, {"counts": 7}]
    )
    def test_counts_that_make_no_sense_are_refused(
        self, tables: list[Path], record: Path, section: Any
    ) -> None:
        content = json.loads(record.read_text())
        result = content["tables"][str(tables[2].resolve())]["result"]
        whole = result["sections"][0]
        result["sections"][0] = {**whole, **section} if isinstance(section, dict) else section
        record.write_text(json.dumps(content))

        with pytest.raises(BadInputError, match=r"study\.counts\.json: is damaged"):
            read_counts(tables, record=record)

    @pytest.mark.parametrize("jobs", ["1", "3"])
    def test_a_joined_table_is_one_item_of_several_sections(
        self, tables: list[Path], record: Path, jobs: str
    ) -> None:
        rows = joined_table({f"Pa_OG1_s{n}": {"A": n} for n in (1, 2)})
        joined = tables[0].with_name("Raw_classification.csv")
        pd.concat([rows, rows[rows["Slice"] == "s2"]]).to_csv(joined, index=False)
        hdf5 = write_hdf5_table(tables[0].parent, {"B": 4}, "s6")
        told, again = Told(), Told()
        workers = choose_workers(jobs, None, threads=True)

        found = read_counts([*tables, joined, hdf5], record=record, listener=told, workers=workers)
        same = read_counts([*tables, joined, hdf5], record=record, listener=again)

        assert [s.section for s in found[5:]] == ["Pa_OG1_s1", "Pa_OG1_s2", "s6"]
        assert found[5].fields == {"clone": ("Pa",), "organoid": ("OG1",), "slice": ("s1",)}
        assert found[6].problem.startswith("lists 2 objects of Pa_OG1_s2_table.csv twice")
        assert same == found
        assert told.outcomes["Raw_classification.csv"].status == "done"
        assert {outcome.status for outcome in again.outcomes.values()} == {"skipped"}

    def test_only_another_field_of_the_names_asks_for_other_columns(
        self, tables: list[Path], record: Path
    ) -> None:
        assert self.statuses(tables, record, Reading(fields=("clone", "slice"))) == "sssss"
        assert self.statuses(tables, record, Reading(fields=("plate",))) == "ddddd"

    def test_tables_of_one_name_are_told_apart(self, tables: list[Path], record: Path) -> None:
        twin = write_table(tables[0].parent / "twin", {"Z": 1}, "s1")

        found = read_counts([*tables, twin], record=record)

        assert [s.section for s in found] == ["s1", "s2", "s3", "s4", "s5", "s1"]
        assert found[5].counts == {"Z": 1}

    def test_a_workbook_that_was_changed_is_told_from_ours(
        self, record: Path, tables: list[Path], tmp_path: Path
    ) -> None:
        workbook = tmp_path / "study.xlsx"
        workbook.write_bytes(b"ours")
        assert written_workbook(record) is None
        assert not is_as_written(None, workbook)

        save_workbook(record, describe_workbook(workbook, "abc"))
        known = written_workbook(record)
        assert known["study"] == "abc"
        assert is_as_written(known, workbook)
        assert self.statuses(tables, record, head={WORKBOOK: known}) == "sssss"
        write_table(tables[0].parent, {"C": 3}, "s1")
        assert self.statuses(tables, record, head={WORKBOOK: known}) == "dssss"
        assert written_workbook(record) == known
        workbook.write_bytes(b"edited")
        assert not is_as_written(known, workbook)


class TestWithLabelImages:
    def test_each_table_is_compared_with_its_own(self, tables: list[Path], tmp_path: Path) -> None:
        folder = tmp_path / "results" / "lbl"
        folder.mkdir(parents=True)
        for n in (1, 2, 3):
            labels = np.zeros((30, 30), np.uint16)
            labels[0, : n + 10] = np.arange(1, n + 11)
            if n == 2:
                labels[labels == 5] = 900
            if n == 3:
                labels[5, 5] = 77
            tifffile.imwrite(folder / f"s{n}_labels.tif", labels)
        record = tmp_path / "study.counts.json"
        reading = Reading(labels=folder.parent)

        found = read_counts(tables, reading, record=record)

        assert found[0].notes == ()
        assert "lists 1 objects that are not in s2_labels.tif (5)" in found[1].problem
        assert found[2].notes == ("lacks 1 of the 14 objects of s3_labels.tif",)
        assert found[3].notes == (f"has no label image in {folder.parent}",)
        told = Told()
        again = read_counts(tables, reading, record=record, listener=told)
        assert [s.notes for s in again] == [s.notes for s in found]
        assert [told.outcomes[f"s{n}"].status for n in (1, 2, 3, 4)] == [
            "skipped",
            "failed",
            "skipped",
            "skipped",
        ]

    def test_a_joined_table_is_not_compared(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "Pa_OG1_s1_labels.tif", np.eye(4, dtype=np.uint16))
        joined = tmp_path / "Raw_classification.csv"
        joined_table({f"Pa_OG1_s{n}": {"A": n} for n in (1, 2)}).to_csv(joined, index=False)

        found = read_counts([joined], Reading(labels=tmp_path))

        note = "is not compared with label images: it has objects of several images"
        assert [section.notes for section in found] == [(note,), (note,)]

    def test_a_folder_without_label_images(self, tables: list[Path], tmp_path: Path) -> None:
        for place in (tmp_path / "none", tmp_path):
            with pytest.raises(BadInputError, match="folder"):
                read_counts(tables, Reading(labels=place))
