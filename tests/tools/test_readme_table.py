"""The README's figures are those of docs/performance.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.readme_table import (
    BEGIN,
    END,
    ROOT,
    ROWS,
    Row,
    main,
    read_sections,
    write_row,
    write_table,
)

PAGE = """\
# How fast it is

<!-- segmenting -->
## The whole command
| side | objects | s | s a megapixel | peak GiB |
|---|---|---|---|---|
| 5000 | 30,877 | 24.1 | 0.96 | 2.13 |
| 10000 | 123,588 | 74.1 | 0.74 | 2.94 |

the script takes 5.4 times as long

<!-- startup -->
## The start
starbridge --help: 0.154 s of CPU beyond Python's 0.015 s
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "performance.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "README.md").write_text(f"# a\n{BEGIN}\nold\n{END}\nmore\n", encoding="utf-8")
    return tmp_path


def test_the_readme_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_figures_come_from_the_page(house: Path) -> None:
    assert main([], house) == 0

    text = (house / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# a\n{BEGIN}\n| what |")
    assert text.endswith(f"\n{END}\nmore\n")
    assert "123,588 nuclei" in text
    assert "74 s and 2.94 GiB; a StarDist script takes 5.4 times as long" in text
    assert "0.15 s of CPU" in text


def test_a_benchmark_that_is_not_on_the_page_has_no_row() -> None:
    table = write_table(PAGE)

    assert len(table.splitlines()) == 4
    assert "benchmarks.nms" not in table


def test_another_figure_on_the_page_is_noticed_and_nothing_written(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], house)
    assert main(["--check"], house) == 0
    page = house / "docs" / "performance.md"
    page.write_text(PAGE.replace("74.1", "175.2"), encoding="utf-8")
    before = (house / "README.md").read_bytes()

    assert main(["--check"], house) == 1

    assert "run python -m tools.readme_table" in capsys.readouterr().err
    assert (house / "README.md").read_bytes() == before


def test_a_page_without_the_figures_names_the_section(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = house / "docs" / "performance.md"
    page.write_text(PAGE.replace("the script takes", "script:"), encoding="utf-8")

    assert main([], house) == 1
    assert "section 'segmenting'" in capsys.readouterr().err


def test_a_readme_without_the_marks_says_which_lines_to_write(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (house / "README.md").write_text("# a\n", encoding="utf-8")

    assert main([], house) == 1
    assert BEGIN in capsys.readouterr().err


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.benchmark)
def test_every_row_fits_what_its_benchmark_prints(row: Row) -> None:
    sections = read_sections((ROOT / "docs" / "performance.md").read_text(encoding="utf-8"))
    if row.benchmark not in sections:
        pytest.skip("not on the page")
    assert "{" not in write_row(row, sections[row.benchmark])
