"""The one runner of batches: many items through one job into one folder.

It owns what all commands share: names that clash, the decision what is still to do, the record,
errors of single items, publishing by rename, and progress. What is done with an item is a
:class:`~bridge.batch.job.Job`; who does it are :class:`~bridge.batch.workers.base.Workers`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Generic, Literal

from bridge.batch.carry_out import AbandonedError, Result
from bridge.batch.job import Item, Job, Made, Work
from bridge.batch.leftovers import remove_leftovers
from bridge.batch.listener import Listener, Outcome
from bridge.batch.record import Record, hash_key, is_incomplete
from bridge.batch.run_folder import put_in_place, run_folder
from bridge.batch.workers.base import Workers
from bridge.batch.workers.here import Here
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.atomic import write_error

Existing = Literal["check", "keep", "overwrite"]
"""Treatment of an item whose outputs are there.

``check`` skips it when they were made from the same files with the same settings and otherwise
refuses to touch them; ``keep`` skips it in any case; ``overwrite`` makes them anew.
"""

_LONGEST_NAME = 255  # bytes, on the disks of Linux, Mac and Windows


def run_batch(
    job: Job[Item],
    items: Sequence[Item],
    out: Path,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Run a job on each item, into one folder.

    An item that fails is recorded, and the rest goes on. The files of an item appear in the folder
    all at once when the last of them is written, and the record grows by a line then, so that a run
    that was stopped, even killed, is taken up by the same call.

    Args:
        job: what to do with each item.
        items: one that is given twice counts once.
        out: the output folder; created where missing.
        existing: what to do with outputs that are there.
        listener: hears of the progress.
        workers: do the work; this process, one item after another, when ``None``.

    Returns:
        An outcome an item, in order.

    Raises:
        StarbridgeError: what concerns all items: the model cannot be loaded, the output folder
            cannot be written, its record is damaged, the cluster is gone.
    """
    return _Batch(job, items, out, existing, listener or Listener(), workers or Here()).run()


class _Batch(Generic[Item]):
    """A run, which alone writes into the output folder, whoever does the work."""

    def __init__(
        self,
        job: Job[Item],
        items: Sequence[Item],
        out: Path,
        existing: Existing,
        listener: Listener,
        workers: Workers,
    ) -> None:
        self._job = job
        self._items = list(dict.fromkeys(items))
        self._out = out
        self._existing = existing
        self._listener = listener
        self._workers = workers
        self._clashes = _find_clashes(job, self._items) if job.unique_names else {}
        self._works: dict[int, Work[Item]] = {}
        self._keys: dict[int, dict[str, str]] = {}
        self._outcomes: dict[int, Outcome] = {}

    def run(self) -> list[Outcome]:
        try:
            self._out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self._out, error) from error
        try:
            self._run()
        except AbandonedError as error:
            raise BadInputError(
                self._out,
                "was removed, or emptied, while results were written into it",
                "run the same command again",
            ) from error
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    def _run(self) -> None:
        job = self._job
        with run_folder(self._out) as folder:
            head = {**job.describe(), "workers": self._workers.description}
            self._record = Record(self._out, job.record, job.items, head)
            with (
                closing(self._record),
                closing(self._workers.run(self._plan(), job, folder, self)) as results,
            ):
                for result in results:
                    if not folder.is_dir():
                        raise AbandonedError(folder)
                    self._publish(self._works[result.number], result)

    def started(self, number: int) -> None:
        """Pass on that an item is being worked on."""
        source = self._job.source(self._items[number - 1])
        self._listener.item_started(number, len(self._items), source)

    def progress(self, number: int, done: int, total: int) -> None:
        """Pass on how many steps of an item are done."""
        self._listener.item_progress(self._job.source(self._items[number - 1]), done, total)

    def remark(self, line: str) -> None:
        """Pass on a line about the run."""
        self._listener.remark(line)

    def _plan(self) -> Iterator[Work[Item]]:
        """Yield what is to be done; end at once what need not or cannot be done."""
        for number, item in enumerate(self._items, start=1):
            planned = self._plan_item(number, item)
            if isinstance(planned, Work):
                self._works[number] = planned
                yield planned
            else:
                self.started(number)
                self._end(number, planned)

    def _plan_item(self, number: int, item: Item) -> Work[Item] | Outcome:
        job, name = self._job, self._job.name(item)
        source = job.source(item)
        try:
            outputs = job.outputs(item)
            self._check_names(number, item, name, outputs)
            self._keys[number] = key = hash_key(job.key(item))
            work = Work(number, item, name, source, outputs)
            if self._existing == "overwrite":
                return work
            entry = self._record.entry(name)
            if is_incomplete(entry):
                return work  # leftovers of a run that was stopped
            done = entry.get("status") == "done"
            is_same = done and entry.get("key") == key
            if is_same:
                outputs |= entry.get("more", {})
            wanted = {k: v for k, v in outputs.items() if k not in entry.get("left_out", ())}
            missing = {k: v for k, v in wanted.items() if not (self._out / v).exists()}
            present = {k: v for k, v in wanted.items() if k not in missing}
            if not (is_same or present or (done and self._existing == "keep" and not outputs)):
                return work
            if not is_same and present and self._existing != "keep":
                raise _refusal(self._out / next(iter(present.values())), entry, key)
            if not missing:
                return Outcome(
                    name,
                    str(source),
                    "skipped",
                    entry.get("objects"),
                    outputs=wanted,
                    result=entry.get("result", {}),
                )
            reuse = job.reusable(item, self._out)
            if not is_same and present and reuse is None:
                raise _refusal(self._out / next(iter(present.values())), entry, key)
        except StarbridgeError as error:
            return Outcome(name, str(source), "failed", error=str(error))
        return Work(number, item, name, source, missing, reuse)

    def _check_names(self, number: int, item: Item, name: str, outputs: dict[str, str]) -> None:
        """Check that the outputs of an item can have names of their own on every disk.

        Raises:
            BadInputError: they cannot.
        """
        job, source = self._job, self._job.source(item)
        if number in self._clashes:
            raise BadInputError(
                source,
                f"has the same name as {self._clashes[number]}, so that {job.clash_problem}",
                job.clash_remedy,
            )
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise BadInputError(
                repr(str(source))[1:-1], "has a name that is not UTF-8", "rename the file"
            ) from error
        for relative in outputs.values():
            length = len(os.fsencode(Path(relative).name))
            if length > _LONGEST_NAME:
                raise BadInputError(
                    source,
                    f"has too long a name: its output {Path(relative).name} would have {length} "
                    f"bytes, and disks take {_LONGEST_NAME}",
                    "give it a shorter name",
                )

    def _publish(self, work: Work[Item], result: Result) -> None:
        """Put the outputs of an item in place, and note what was done."""
        name, source, seconds = work.name, str(work.source), result.seconds
        if result.made is None or result.folder is None:
            failed = Outcome(name, source, "failed", seconds=seconds, error=result.error)
            self._end(work.number, failed)
            return
        made = result.made
        expected = self._job.outputs(work.item)
        owned = self._record.entry(name).get("owned", {})
        written = {k: v for k, v in work.outputs.items() if k not in made.left_out} | made.more
        if written:
            is_whole = work.outputs.keys() >= expected.keys()
            self._record.begin(name, source, made.provenance, is_whole=is_whole)
        try:
            put_in_place(result.folder, written.values(), self._out)
        except StarbridgeError as error:
            failed = Outcome(name, source, "failed", seconds=seconds, error=str(error))
            self._end(work.number, failed)
            return
        outputs = {k: v for k, v in expected.items() if k not in made.left_out} | made.more
        if made.owned is not None:
            found = self._job.leftovers(work.item, self._out)
            note = remove_leftovers(self._out, owned, found, set(outputs.values()))
            made = made if note is None else replace(made, notes=(*made.notes, note))
        done = Outcome(
            name,
            source,
            "done",
            made.objects,
            seconds,
            outputs,
            result=made.result,
            notes=made.notes,
        )
        self._end(work.number, done, made)

    def _end(self, number: int, outcome: Outcome, made: Made | None = None) -> None:
        if number not in self._clashes:
            self._record.end(outcome, self._keys.get(number), made)
        self._outcomes[number] = outcome
        self._listener.item_finished(outcome)


def _find_clashes(job: Job[Item], items: Sequence[Item]) -> dict[int, str]:
    """Find items with the name of another one: their numbers, and the other one's file.

    The disks of Windows and Mac take A.tif for a.tif.
    """
    by_name: dict[str, list[int]] = {}
    for number, item in enumerate(items, start=1):
        by_name.setdefault(job.name(item).casefold(), []).append(number)
    clashes = {}
    for numbers in by_name.values():
        for number in numbers[1:]:
            clashes[number] = str(job.source(items[numbers[0] - 1]))
        if len(numbers) > 1:
            clashes[numbers[0]] = str(job.source(items[numbers[1] - 1]))
    return clashes


def _refusal(there: Path, entry: dict[str, object], key: dict[str, str]) -> BadInputError:
    """Return why outputs that are there are left alone, with what differs where it is known."""
    known = entry.get("key")
    differing = (
        [part for part in {**known, **key} if known.get(part) != key.get(part)]
        if isinstance(known, dict)
        else []
    )
    detail = f" (another {', another '.join(differing)})" if differing else ""
    return BadInputError(
        there,
        f"is there already, made from other files or with other settings{detail}",
        "choose another --out, or --overwrite to replace it, or --resume to keep it",
    )
