"""ilastik's tables of classes with commas, which ilastik does not quote."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.aggregate import count_table
from bridge.errors import BadInputError

FIRST = ["object_id", "timestep", "labelimage_oid", "User Label", "Predicted Class"]
NAMES = ("N", "dead, small", "a,b,c", "T", "dead", "1,5")


def as_ilastik_writes_it(
    folder: Path, classes: list[str], rows: list[tuple[str, str]], *, probabilities: bool = True
) -> Path:
    """A table of rows of a person's class and the predicted one, joined with commas."""
    titles = [*FIRST, *(f"Probability of {name}" for name in classes if probabilities), "Size"]
    numbers = ["0.5"] * (len(titles) - len(FIRST))
    lines = [
        [str(n), "0", str(n + 1), user, predicted, *numbers]
        for n, (user, predicted) in enumerate(rows)
    ]
    path = folder / "Pa_s1_table.csv"
    path.write_text("".join(",".join(cells) + "\n" for cells in (titles, *lines)))
    return path


@given(
    classes=st.lists(st.sampled_from(NAMES[:5]), min_size=1, max_size=5, unique=True),
    data=st.data(),
)
def test_classes_are_counted_whole_or_the_table_is_refused(
    tmp_path: Path, classes: list[str], data: st.DataObject
) -> None:
    given_classes = st.sampled_from(["0", *classes])
    rows = data.draw(st.lists(st.tuples(given_classes, st.sampled_from(classes)), min_size=1))
    path = as_ilastik_writes_it(tmp_path, classes, rows)

    try:
        [found] = count_table(path)
    except BadInputError as error:
        assert "," in "".join(classes), error  # noqa: PT017
    else:
        assert found.counts == Counter(predicted for _, predicted in rows)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("user", ["0", "", "dead, small"])
def test_a_table_of_one_class_that_looks_whole_is_not_counted_as_another(
    tmp_path: Path, n: int, user: str
) -> None:
    """Titles and rows are cut alike: the class column alone would say 'dead'."""
    path = as_ilastik_writes_it(tmp_path, ["N", "dead, small"], [(user, "dead, small")] * n)

    assert count_table(path)[0].counts == {"dead, small": n}


def test_without_probabilities_rows_tell_the_class(tmp_path: Path) -> None:
    rows = [("0", "dead, small"), ("0", "N"), ("", "a,b,c")]
    path = as_ilastik_writes_it(tmp_path, [], rows, probabilities=False)

    assert count_table(path)[0].counts == {"dead, small": 1, "N": 1, "a,b,c": 1}


def test_what_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    path = as_ilastik_writes_it(tmp_path, ["dead", "small", "dead,small"], [("dead,small", "dead")])
    path.write_text(path.read_text().replace("Probability of dead,small", "Other"))

    with pytest.raises(BadInputError, match=r"commas|cells under a header of another number"):
        count_table(path)


def test_a_column_of_texts_that_somebody_added_is_none_of_ilastiks_cuts(tmp_path: Path) -> None:
    path = as_ilastik_writes_it(tmp_path, ["N", "T"], [("0", "N"), ("0", "T")])
    path.write_text(path.read_text().replace("Size", "Seen by").replace("0.5\n", "Ann\n"))

    assert count_table(path)[0].counts == {"N": 1, "T": 1}
