"""The rooms that models_export uses, and those that use it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = ("bridge.errors", "bridge.files", "bridge.java", "bridge.model")


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere, also in functions."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_models_export_knows_models_files_java_and_errors_only() -> None:
    files = sorted((ROOT / "models_export").rglob("*.py"))
    used = {name for file in files for name in imports(file) if name.split(".")[0] == "bridge"}
    assert used
    assert not {n for n in used if not f"{n}.".startswith(tuple(f"{a}." for a in ALLOWED))}


def test_only_the_commands_import_models_export() -> None:
    users = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "bridge").rglob("*.py")
        if any(name.split(".")[0] == "models_export" for name in imports(file))
    }
    assert users == {f"bridge/cli/{name}.py" for name in ("exporting", "repair", "verify")}


def test_models_know_neither_segmentation_nor_commands() -> None:
    for room in ("model", "java"):
        files = sorted((ROOT / "bridge" / room).glob("*.py"))
        used = {n for file in files for n in imports(file) if n.split(".")[0] == "bridge"}
        assert {".".join(n.split(".")[:2]) for n in used} <= {*ALLOWED, "bridge"}
