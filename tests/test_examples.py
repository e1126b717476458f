"""Examples in docstrings: all are right, and everything that a room offers has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """Find the modules that hold examples, without importing them."""
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("bridge", "models_export", "tools")
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


def rooms() -> list[str]:
    """List the packages, among them the two that users import from."""
    return [
        name
        for top in ("bridge", "models_export")
        for name in [
            top,
            *(
                found.name
                for found in pkgutil.walk_packages(
                    [str(ROOT / top)], f"{top}.", onerror=pytest.fail
                )
                if found.ispkg
            ),
        ]
    ]


def has_example(offered: Any) -> bool:
    """Tell whether a function, or a class or one of its public methods, shows an example."""
    texts = [inspect.getdoc(offered)]
    if inspect.isclass(offered):
        texts += [inspect.getdoc(vars(offered)[n]) for n in vars(offered) if not n.startswith("_")]
    return any(">>> " in text for text in texts if text)


def needs_example(offered: Any) -> bool:
    """Tell whether a user calls it: no constant, no error, no record that a function returns."""
    if inspect.isclass(offered):
        return not (issubclass(offered, BaseException) or is_dataclass(offered))
    return inspect.isroutine(offered)


def without_example(package: ModuleType) -> list[str]:
    """Name what a package offers in ``__all__`` and shows no example of."""
    offered = {name: getattr(package, name) for name in getattr(package, "__all__", ())}
    return [name for name, it in offered.items() if needs_example(it) and not has_example(it)]


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_are_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(name)
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    told: list[str] = []

    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(example, out=told.append)

    assert runner.summarize(verbose=False).failed == 0, "".join(told)


@pytest.mark.parametrize("name", rooms())
def test_what_a_room_offers_has_an_example(name: str) -> None:
    assert without_example(import_module(name)) == []


def test_a_missing_example_is_noticed() -> None:
    def shown() -> None:
        """Do it.

        >>> shown()
        """

    class Shown:
        """A thing.

        >>> Shown()
        """

    class ShownByAMethod:
        """A thing."""

        def use(self) -> None:
            """Use it.

            >>> ShownByAMethod().use()
            """

    def bare() -> None:
        """Do it."""

    class Bare:
        """A thing."""

    class SomeError(Exception):
        """Something is wrong."""

    package = ModuleType("package")
    offered = {"shown": shown, "Shown": Shown, "ShownByAMethod": ShownByAMethod, "bare": bare,
               "Bare": Bare, "SomeError": SomeError, "CONSTANT": 3}  # fmt: skip
    package.__dict__.update(offered, __all__=list(offered))

    assert without_example(package) == ["bare", "Bare"]
