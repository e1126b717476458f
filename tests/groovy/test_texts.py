"""Rules for the texts of the scripts, checked without running them."""

from __future__ import annotations

import re

import pytest

from tests.groovy.conftest import NAMES, SCRIPTS
from tests.groovy.qupath_api import (
    CLASSES,
    NOT_QUPATH,
    STARDIST_CLASSES,
    STATIC_METHODS_OF_SCRIPTS,
)
from tests.groovy.worker import CLASSES_BELOW

FUNCTION = re.compile(
    r"^/\*\*.*?\*/\n(?P<body>(?:static )?[\w<>, ]+ (?P<name>\w+)\([^\n]*\{\n.*?^\}\n)",
    re.MULTILINE | re.DOTALL,
)


def text_of(name: str) -> str:
    return (SCRIPTS / f"{name}.groovy").read_text("utf-8")


def own_text_of(name: str) -> str:
    """Return a script without the classes that QuPath's process has, too."""
    return text_of(name).partition(CLASSES_BELOW)[0]


def code_of(name: str) -> str:
    """Return a script without its comments, and without those classes."""
    own = own_text_of(name)
    words = re.findall(r"\w+", re.sub(r"^import .*$", "", own, flags=re.MULTILINE))
    own = re.sub(
        r"^import .*\.(\w+)\n",
        lambda line: line[0] if line[1] in words else "",
        own,
        flags=re.MULTILINE,
    )
    code = re.sub(r"/\*\*.*?\*/", "", own, flags=re.DOTALL)
    return re.sub(r"(^|\s)//.*$", "", code, flags=re.MULTILINE)


def functions_of(name: str) -> dict[str, str]:
    return {found["name"]: found["body"] for found in FUNCTION.finditer(own_text_of(name))}


@pytest.mark.parametrize("name", NAMES)
def test_only_classes_that_were_looked_up_are_used(name: str) -> None:
    used = set(re.findall(r"\bqupath(?:\.\w+)+\.[A-Z]\w*", code_of(name)))

    assert used
    assert used <= CLASSES.keys() | STARDIST_CLASSES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_only_methods_that_were_looked_up_are_called(name: str) -> None:
    code = code_of(name)
    looked_up = {m for methods in CLASSES.values() for m in methods}
    looked_up |= {m for methods in STARDIST_CLASSES.values() for m in methods}
    called = set(re.findall(r"[?*]?\.(\w+)\s*[({]", code))

    assert called - looked_up - NOT_QUPATH == set()
    for qualified in ("QP", "IJTools", "PathIO", "GsonTools", "RegionRequest", "ProjectIO"):
        here = set(re.findall(rf"\b{qualified}\.(\w+)", code))
        known = next(set(m) for c, m in CLASSES.items() if c.endswith(f".{qualified}"))
        assert here <= known


def test_every_name_that_was_looked_up_is_used() -> None:
    code = "\n".join(map(code_of, NAMES))
    classes = (*CLASSES.values(), *STARDIST_CLASSES.values())
    methods = [method for methods in classes for method in methods]

    assert [m for m in methods if f".{m}" not in code] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_function_hides_behind_one_of_qupath(name: str) -> None:
    # QuPath imports its own into every script, and then Groovy may call those instead.
    assert functions_of(name).keys() & STATIC_METHODS_OF_SCRIPTS == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_function_has_a_comment(name: str) -> None:
    pattern = r"^(?:static )?[\w<>, ]+ (\w+)\([^\n]*\{$"
    defined = re.findall(pattern, own_text_of(name), re.MULTILINE)

    assert sorted(defined) == sorted(functions_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_header_describes_the_use(name: str) -> None:
    text = text_of(name)
    header = text[: text.index("\nimport ")]

    assert header.startswith(f"// {name}.groovy: ")
    for word in ("\n// Needs ", "\n// Writes ", "\n// Script editor ", f"QuPath script {name}."):
        assert word in header
    settings = text[text.index("// ---- Settings") :]
    assert settings.index("def settings = [") < settings.index("applyArguments(")
    documented = re.findall(r"^    (\w+): .*,\s+// \S", settings, re.MULTILINE)
    assert re.findall(r"^    (\w+): .*,", settings.partition("\n]")[0], re.MULTILINE) == documented


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_put_together_into_code_or_a_shell(name: str) -> None:
    code = code_of(name)

    assert not re.search(
        r"\bevaluate\b|\bGroovyShell\b|\.execute\(|Runtime\b|/bin/sh|cmd(\.exe)?", code
    )
    # QuPath shows the innermost exception only, so that ours must have no cause.
    assert not re.search(r"throw new \w+\([^)]*, (error|cause|e)\)", code)


@pytest.mark.parametrize("name", NAMES)
def test_groovy_json_is_not_used(name: str) -> None:
    # QuPath brings groovy, groovy-jsr223 and groovy-xml only
    assert "groovy.json" not in text_of(name)
