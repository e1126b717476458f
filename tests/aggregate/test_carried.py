"""Dead and unstained cells as the classifier of the results says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.aggregate.carried import CarriedClasses, carried_classes
from bridge.errors import BadInputError


def _results(folder: Path, **said: object) -> Path:
    """Write the record of results, and a table of them."""
    (folder / "tables").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"classifier": said, "images": {}}))
    table = folder / "tables" / "a.csv"
    table.write_text("label,class\n1,Dead\n")
    return table


def test_the_record_of_results_is_found_from_each_way_to_name_them(tmp_path: Path) -> None:
    folder = tmp_path / "classed"
    table = _results(folder, classes=["Dead", "N"], dead=["Dead"], unstained=["N"])

    for given in (folder, folder / "tables", table):
        carried = carried_classes([given])
        assert (carried.dead, carried.unstained) == (("Dead",), ("N",))
        assert [path.resolve() for path in carried.folders] == [folder.resolve()]


def test_other_results_say_nothing(tmp_path: Path) -> None:
    _results(tmp_path / "old", classes=["Dead"])
    (tmp_path / "tables").mkdir()
    assert carried_classes([tmp_path / "old", tmp_path / "tables"]) == CarriedClasses()


def test_records_hold_whatever_somebody_wrote(tmp_path: Path) -> None:
    _results(tmp_path / "odd", dead={"a": 1}, unstained=[1, None, "N"])
    carried = carried_classes([tmp_path / "odd"])
    assert (carried.dead, carried.unstained) == ((), ("N",))


def test_a_class_that_is_dead_in_some_results_only_is_refused(tmp_path: Path) -> None:
    _results(tmp_path / "a", classes=["Small", "N"], dead=["Small"], unstained=[])
    _results(tmp_path / "b", classes=["Small", "N"], dead=[], unstained=[])
    with pytest.raises(BadInputError, match="has 'Small' as living cells"):
        carried_classes([tmp_path / "a", tmp_path / "b"])
