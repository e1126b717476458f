"""Every script compiles to classes, in each Groovy that QuPath brings."""

from __future__ import annotations

import pytest

from tests.groovy.conftest import NAMES, SCRIPTS, Groovy


def test_all_scripts_are_tested() -> None:
    assert sorted(path.stem for path in SCRIPTS.glob("*.groovy")) == sorted(NAMES)


@pytest.mark.imagej
@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_it_compiles(groovy: Groovy, name: str) -> None:
    classes = groovy.compile(name)

    assert classes[name] > 5_000
    assert all(size > 0 for size in classes.values())
