"""The runner: what is skipped, made, refused and recorded, whatever the job does."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from bridge.batch.leftovers import remove_leftovers
from bridge.batch.listener import Listener, Outcome
from bridge.batch.record import read_record
from bridge.batch.runner import run_batch
from bridge.batch.workers.processes import LocalProcesses
from bridge.errors import BadInputError
from tests.batch.copying import Copy, Count


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    (tmp_path / "texts").mkdir()
    paths = [tmp_path / "texts" / f"{name}.txt" for name in "abc"]
    for number, path in enumerate(paths, start=1):
        path.write_text("word " * number)
    return paths


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def files(out: Path) -> dict[str, str]:
    return {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}


def test_every_output_and_what_it_found(texts: list[Path], out: Path) -> None:
    outcomes = run_batch(Copy(), texts, out)

    assert statuses(outcomes) == ["done"] * 3
    assert [outcome.objects for outcome in outcomes] == [1, 2, 3]
    assert outcomes[1].outputs == {"txt": "txt/b.txt", "capitals": "capitals/b.capitals"}
    assert outcomes[1].result == {"length": 10}
    assert outcomes[1].notes == ("copied b",)
    assert set(files(out)) == {
        "copies.json",
        *(f"{key}/{name}.{key}" for key in ("txt", "capitals") for name in "abc"),
    }


@pytest.mark.parametrize("kind", [Copy, Count])
def test_the_same_call_does_nothing_and_gives_the_same_results(
    kind: type[Copy], texts: list[Path], out: Path
) -> None:
    first = run_batch(kind(), texts, out)
    before = files(out)

    job = kind()
    again = run_batch(job, texts, out)

    assert statuses(again) == ["skipped"] * 3
    assert job.ran == []
    assert files(out) == before  # the record too
    assert [(o.objects, o.result) for o in again] == [(o.objects, o.result) for o in first]


def test_only_what_is_new_or_changed_or_missing_is_done(texts: list[Path], out: Path) -> None:
    run_batch(Copy(), texts[:2], out)
    (out / "txt" / "a.txt").write_text("edited by hand")
    (out / "capitals" / "a.capitals").unlink()

    job = Copy()
    outcomes = run_batch(job, texts, out)

    assert statuses(outcomes) == ["done", "skipped", "done"]
    assert job.ran == ["a", "c"]
    assert (out / "txt" / "a.txt").read_text() == "edited by hand"
    assert (out / "capitals" / "a.capitals").read_text() == "WORD "


def test_a_record_only_job_reads_a_changed_item_again(texts: list[Path], out: Path) -> None:
    run_batch(Count(), texts, out)
    texts[0].write_text("one two three four")

    assert [o.objects for o in run_batch(Count(), texts, out)] == [4, 2, 3]
    assert statuses(run_batch(Count(prefix="x"), texts, out)) == ["done"] * 3
    assert statuses(run_batch(Count(), texts, out, existing="keep")) == ["skipped"] * 3
    assert statuses(run_batch(Count(), texts, out, existing="overwrite")) == ["done"] * 3


def test_other_settings_are_refused_by_name_kept_or_replaced(texts: list[Path], out: Path) -> None:
    run_batch(Copy(), texts[:1], out)

    (refused,) = run_batch(Copy(prefix="x"), texts[:1], out)
    (kept,) = run_batch(Copy(prefix="x"), texts[:1], out, existing="keep")
    assert (out / "txt" / "a.txt").read_text() == "word "
    (replaced,) = run_batch(Copy(prefix="x"), texts[:1], out, existing="overwrite")

    assert refused.error == (
        f"{out}/txt/a.txt: is there already, made from other files or with other settings "
        "(another prefix); choose another --out, or --overwrite to replace it, or --resume to "
        "keep it"
    )
    assert [refused.status, kept.status, replaced.status] == ["failed", "skipped", "done"]
    assert (out / "txt" / "a.txt").read_text() == "xword "


def test_outputs_of_two_kinds_are_never_mixed(texts: list[Path], out: Path) -> None:
    run_batch(Copy(("txt",)), texts[:1], out)

    (refused,) = run_batch(Copy(prefix="x"), texts[:1], out, existing="keep")

    assert refused.status == "failed"
    assert set(files(out)) == {"copies.json", "txt/a.txt"}


def test_a_format_that_cannot_be_made_is_not_missing(texts: list[Path], out: Path) -> None:
    texts[0].write_text("LOUD")

    first = run_batch(Copy(), texts[:1], out)

    assert first[0].outputs == {"txt": "txt/a.txt"}
    assert statuses(run_batch(Copy(), texts[:1], out)) == ["skipped"]


def test_outputs_that_only_the_work_finds_belong_to_the_item(texts: list[Path], out: Path) -> None:
    texts[0].write_text("a log")

    first = run_batch(Copy(), texts[:1], out)
    again = run_batch(Copy(), texts[:1], out)
    (out / "a.log").unlink()
    missing = run_batch(Copy(), texts[:1], out)

    assert first[0].outputs["log"] == again[0].outputs["log"] == "a.log"
    assert [*statuses(first), *statuses(again), *statuses(missing)] == ["done", "skipped", "done"]
    assert (out / "a.log").exists()


def parts(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "parts").iterdir())


def test_outputs_that_an_item_has_no_more_are_removed(texts: list[Path], out: Path) -> None:
    texts[0].write_text("#1 #2 #3")
    run_batch(Copy(), texts[:1], out)
    texts[0].write_text("#2 #4")

    (again,) = run_batch(Copy(), texts[:1], out, existing="overwrite")

    assert parts(out) == ["a #2.txt", "a #4.txt"]
    assert again.notes == ("copied a",)


def test_what_was_changed_or_is_of_others_is_named_and_stays(texts: list[Path], out: Path) -> None:
    texts[0].write_text("#1 #2")
    run_batch(Copy(), texts[:1], out)
    (out / "parts" / "a #1.txt").write_text("worked on")
    (out / "parts" / "a #9.txt").write_text("of another program")
    texts[0].write_text("none")

    (again,) = run_batch(Copy(), texts[:1], out, existing="overwrite")

    assert parts(out) == ["a #1.txt", "a #9.txt"]
    assert again.notes[1].startswith("2 files of an earlier run belong to nothing any more")
    assert again.notes[1].endswith("parts/a #1.txt, parts/a #9.txt")


def test_a_run_that_makes_none_leaves_those_of_earlier_runs(texts: list[Path], out: Path) -> None:
    texts[0].write_text("#1")
    run_batch(Copy(), texts[:1], out)
    texts[0].write_text("none")

    run_batch(Copy(with_parts=False), texts[:1], out, existing="overwrite")
    assert parts(out) == ["a #1.txt"]

    run_batch(Copy(), texts[:1], out, existing="overwrite")
    assert parts(out) == []


def test_a_record_that_leads_elsewhere_removes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.txt").write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()

    assert remove_leftovers(out, {"../mine.txt": digest}, [], []) is None
    assert (tmp_path / "mine.txt").exists()


def test_an_error_that_concerns_all_items_ends_the_run(texts: list[Path], out: Path) -> None:
    texts[1].write_text("bad")

    class Strict(Copy):
        fatal = (BadInputError,)

    job = Strict()

    with pytest.raises(BadInputError, match="is bad"):
        run_batch(job, texts, out)
    assert job.ran == ["a", "b"]


def test_what_fails_is_one_line_and_the_rest_goes_on(texts: list[Path], out: Path) -> None:
    texts[0].write_text("bad")
    texts[1].write_text("worse")

    outcomes = run_batch(Copy(), texts, out)

    assert statuses(outcomes) == ["failed", "failed", "done"]
    assert outcomes[0].error == f"{texts[0]}: is bad; mend it"
    assert "could not be copied" in str(outcomes[1].error)
    assert all("\n" not in str(outcome.error) for outcome in outcomes)
    assert set(files(out)) == {"copies.json", "txt/c.txt", "capitals/c.capitals"}


def test_what_fails_later_keeps_what_was_made(texts: list[Path], out: Path) -> None:
    run_batch(Copy(), texts[:1], out)
    texts[0].write_text("bad")

    assert statuses(run_batch(Copy(), texts[:1], out, existing="overwrite")) == ["failed"]

    assert (out / "txt" / "a.txt").read_text() == "word "
    assert read_record(out, "copies.json", "texts")["texts"]["a"]["status"] == "done"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_not_utf_8_fails_alone(texts: list[Path], out: Path) -> None:
    bad = Path(os.fsdecode(os.fsencode(texts[0].parent) + b"/caf\xe9.txt"))
    bad.write_text("word")

    for status in ("done", "skipped"):
        outcomes = run_batch(Copy(), [bad, *texts], out)
        assert statuses(outcomes) == ["failed", *[status] * 3]
        assert outcomes[0].error == (
            f"{texts[0].parent}/caf\\udce9.txt: has a name that is not UTF-8; rename the file"
        )
    json.loads((out / "copies.json").read_bytes().decode())


def test_a_name_that_is_too_long_fails_alone(texts: list[Path], out: Path) -> None:
    long = texts[0].with_name("n" * 248 + ".txt")
    long.write_text("word")

    outcomes = run_batch(Copy(), [long, *texts], out)

    assert statuses(outcomes) == ["failed", *["done"] * 3]
    assert "would have 257 bytes, and disks take 255; give it a shorter" in str(outcomes[0].error)
    assert statuses(run_batch(Count(), [long], out)) == ["done"]


@pytest.mark.parametrize("other", ["a.txt", "A.txt"])
def test_items_named_alike_are_both_refused(texts: list[Path], out: Path, other: str) -> None:
    twin = out.parent / "elsewhere" / other
    twin.parent.mkdir()
    twin.write_text("word")

    outcomes = run_batch(Copy(), [*texts, twin, texts[2]], out)

    assert statuses(outcomes) == ["failed", "done", "done", "failed"]
    assert f"{twin}: has the same name as {texts[0]}" in str(outcomes[3].error)
    assert not (out / "txt" / "a.txt").exists()


def test_a_run_that_is_stopped_goes_on(texts: list[Path], out: Path) -> None:
    class Stop(Listener):
        def item_finished(self, outcome: Outcome) -> None:
            if outcome.name == "b":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(Copy(), texts, out, listener=Stop())

    record = json.loads((out / "copies.json").read_text())
    assert set(record["texts"]) == {"a", "b"}
    assert not list(out.glob(".*"))
    assert statuses(run_batch(Copy(), texts, out)) == ["skipped", "skipped", "done"]


def test_processes_do_the_same(texts: list[Path], out: Path) -> None:
    outcomes = run_batch(Copy(), texts, out, workers=LocalProcesses(2))

    assert statuses(outcomes) == ["done"] * 3
    assert statuses(run_batch(Copy(), texts, out)) == ["skipped"] * 3


def test_a_folder_that_cannot_be_written_ends_the_run(texts: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match=r"cannot be (written|read)"):
        run_batch(Copy(), texts, tmp_path / "file" / "out")
