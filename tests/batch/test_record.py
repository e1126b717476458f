"""The record: a line an item, taken up after any end, damage never taken for nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.batch.listener import Outcome
from bridge.batch.record import Record, hash_key, is_incomplete, read_record
from bridge.errors import BadInputError

NAME, ITEMS = "run.json", "images"


def new_record(out: Path) -> Record:
    return Record(out, NAME, ITEMS, {"settings": 1})


def journal(out: Path) -> Path:
    return out / f".{NAME}.journal"


def end(record: Record, number: int) -> None:
    name = f"s{number}"
    record.begin(name, f"{name}.tif", {"engine": "own", "versions": {"own": "1"}})
    record.end(Outcome(name, f"{name}.tif", "done", number, 0.5), {"model": "ab"})


def entries(out: Path) -> dict[str, object]:
    return dict(read_record(out, NAME, ITEMS)[ITEMS])


def test_a_user_reads_one_file_after_the_run(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    end(record, 3)
    record.close()

    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    content = json.loads((tmp_path / NAME).read_text())
    assert content["engine"] == "own"
    assert content["settings"] == 1
    assert content[ITEMS]["s3"]["objects"] == 3


def test_an_item_adds_lines_and_rewrites_nothing(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    for number in range(500):
        end(record, number)
    record.close()
    before = (tmp_path / NAME).read_bytes()

    record = new_record(tmp_path)
    end(record, 1000)

    assert (tmp_path / NAME).read_bytes() == before
    assert journal(tmp_path).stat().st_size < 2000
    record.close()
    assert len(entries(tmp_path)) == 501


def test_a_run_that_changed_nothing_leaves_the_record_alone(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    end(record, 1)
    record.close()
    before = (tmp_path / NAME).read_bytes()

    record = new_record(tmp_path)
    record.end(Outcome("s1", "s1.tif", "skipped", 1), {"model": "ab"})
    record.close()

    assert (tmp_path / NAME).read_bytes() == before


def test_a_killed_run_is_taken_up_at_every_byte(tmp_path: Path) -> None:
    """Cut the journal at every byte: whole lines count, a torn one does not."""
    record = new_record(tmp_path)
    end(record, 1)
    end(record, 2)
    lines = journal(tmp_path).read_bytes()

    for length in range(len(lines) + 1):
        journal(tmp_path).write_bytes(lines[:length])
        whole = lines[:length].count(b"\n")
        states = [dict(entry)["status"] for entry in entries(tmp_path).values()]  # type: ignore[call-overload]
        wanted = [[], [], ["started"], ["done"], ["done", "started"], ["done", "done"]]
        assert states == wanted[whole]

    again = new_record(tmp_path)
    assert again.entry("s2")["objects"] == 2
    assert not journal(tmp_path).exists()
    assert json.loads((tmp_path / NAME).read_text())["engine"] == "own"


@pytest.mark.parametrize("damage", [b"{\n", b"7\n", b"[]\n", b'{"status": "done"}\n'])
def test_a_damaged_journal_is_refused_by_line(tmp_path: Path, damage: bytes) -> None:
    record = new_record(tmp_path)
    end(record, 1)
    with journal(tmp_path).open("ab") as file:
        file.write(damage)

    with pytest.raises(BadInputError, match="is damaged in line 4; move it away and run again"):
        new_record(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"[" * 100_000, b"[]", b'{"images": 3}', b"{}"),
        *(b'{"images": {"a": 3}}', b'{"images": {"a": {"result": 3}}}'),
        *(b'{"images": {"a": {"more": []}}}', b'{"images": {"a": {"objects": "3"}}}'),
    ],
)
def test_a_damaged_record_is_refused_and_kept(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / NAME).write_bytes(damage)

    with pytest.raises(BadInputError, match=NAME):
        new_record(tmp_path)
    assert (tmp_path / NAME).read_bytes() == damage


def test_what_failed_half_way_stays_incomplete(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    record.begin("s1", "s1.tif", {})
    record.end(Outcome("s1", "s1.tif", "failed", error="disk full"), {})
    record.close()

    record = new_record(tmp_path)
    assert is_incomplete(record.entry("s1"))


def test_missing_outputs_that_are_added_leave_the_item_done(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    end(record, 1)
    record.begin("s1", "s1.tif", {}, is_whole=False)

    assert not is_incomplete(dict(entries(tmp_path)["s1"]))  # type: ignore[call-overload]


def test_there_is_no_record_of_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not exist; give the folder of a run"):
        read_record(tmp_path)


@given(st.text(st.characters(), max_size=20), st.integers(0, 9))
def test_every_name_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str, n: int) -> None:
    out = tmp_path_factory.mktemp("out")
    record = new_record(out)
    record.end(Outcome(name, name, "done", n), {"model": "x"})
    assert list(entries(out)) == [name]
    record.close()
    assert list(entries(out)) == [name]


def test_a_key_is_compared_part_by_part() -> None:
    first = hash_key({"image": {"bytes": 1}, "recipe": (1, 2)})

    assert first == hash_key({"image": {"bytes": 1}, "recipe": [1, 2]})
    second = hash_key({"image": {"bytes": 2}, "recipe": (1, 2)})
    assert [part for part in first if first[part] != second[part]] == ["image"]
