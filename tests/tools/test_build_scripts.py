"""The scripts that users open hold a short main part and the library functions that it needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pathspec
import pytest

from tools.build_scripts import (
    LANGUAGES,
    ROOT,
    Language,
    Library,
    ScriptSourceError,
    build_all,
    find_stale,
    main,
)

NOTICE = "// ---- Library of starbridge: "


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one macro, one QuPath script, and a library for each."""
    write(
        tmp_path / "macros/src/count.ijm",
        "// count.ijm: counts.\n\nvar name = 1;\n\n"
        'while (more) {\n\tsigma = numberSetting(sigma, "Sigma (px)", 1, 0, 9);\n}\nrun1();\n',
    )
    write(
        tmp_path / "macros/lib/a.ijm",
        "// Things.\n\nvar unused = 0;  // never read\nvar total = 0;  // read by helper()\n\n"
        "// Run it; unlike unneeded() it is called.\nfunction run1() {\n\thelper();\n}\n\n"
        "// Never called.\nfunction unneeded() {\n\tunused = 1;\n}\n",
    )
    write(tmp_path / "macros/lib/b.ijm", "// Help.\nfunction helper() {\n\ttotal = 1;\n}\n")
    write(
        tmp_path / "groovy/src/show.groovy",
        "// show.groovy: shows.\n\nimport java.nio.file.Files\n\nFiles.exists(path())\n",
    )
    write(
        tmp_path / "groovy/lib/paths.groovy",
        "// Paths.\n\nimport java.nio.file.Path\nimport java.util.regex.Pattern\n\n"
        "/** Return a path. */\nstatic Path path() {\n    return Path.of('a')\n}\n\n"
        "/** Return a pattern. */\nstatic Pattern pattern() {\n    return Pattern.compile('')\n}\n",
    )
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_the_committed_scripts_are_what_their_sources_give(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.folder)
def test_every_library_function_is_used_by_a_script(language: Language) -> None:
    folder = ROOT / language.folder
    library = Library.read(folder / "lib", language)
    mains = "".join(path.read_text("utf-8") for path in (folder / "src").iterdir())

    used = {function.name for function in library.needed(mains)}

    assert library.functions.keys() - used == set()


def test_settings_and_work_come_first_and_the_library_below_a_line_that_says_so() -> None:
    for path, text in build_all().items():
        source = (path.parent / "src" / path.name).read_text("utf-8")
        work, _, library = text.partition(NOTICE)
        assert library, path
        assert source.partition("\n\n")[0] in work, path
        assert work.rstrip().endswith(source.rstrip().rpartition("\n\n")[2]), path


def test_only_functions_that_are_called_are_built_in(root: Path) -> None:
    built = build_all(root)[root / "macros/count.ijm"]

    assert re.findall(r"^function (\w+)", built, re.MULTILINE) == ["run1", "helper"]


def test_global_variables_stand_above_the_work_if_they_are_used(root: Path) -> None:
    built = build_all(root)[root / "macros/count.ijm"]

    assert "unused" not in built.partition(NOTICE)[0]
    assert "var name = 1;\nvar settings_from, sigma;\nvar total = 0;\n\nwhile (more)" in built


def test_fiji_finds_the_names_of_the_settings_before_anything_else(root: Path) -> None:
    built = build_all(root)[root / "macros/count.ijm"]

    first = built.splitlines()[0]
    assert first.startswith('// @java.io.Serializable (value="(default)", ')
    assert first.endswith(" sigma")


def test_imports_of_library_and_main_part_are_merged(root: Path) -> None:
    built = build_all(root)[root / "groovy/show.groovy"]

    assert "\n\nimport java.nio.file.Files\nimport java.nio.file.Path\n\n" in built
    assert "Pattern" not in built


def test_a_main_part_that_calls_no_library_function_stays_as_it_is(root: Path) -> None:
    text = "// count.ijm: counts.\n\nprint(1);\n"
    write(root / "macros/src/count.ijm", text)

    assert build_all(root)[root / "macros/count.ijm"] == text


CLASSES = """\
/*
 * Objects in arrays.
 */
import groovy.transform.CompileStatic
import java.util.function.IntConsumer

@CompileStatic
class Versions {
    static IntConsumer consumer
}

/** Packed objects. */
@CompileStatic
class PackedObjects {
    static int count() { Versions.consumer == null ? 0 : 1 }
}

PackedObjects
"""


@pytest.mark.parametrize("uses", [True, False])
def test_classes_are_built_in_as_a_whole_where_one_is_used(root: Path, uses: bool) -> None:
    write(root / "bridge/apps/qupath/worker/PackedObjects.groovy", CLASSES)
    call = "PackedObjects.count()" if uses else "count()"
    write(
        root / "groovy/src/show.groovy",
        f"// show.groovy: shows.\n\nimport java.nio.file.Files\n\nFiles.exists(path())\n{call}\n",
    )

    text = build_all(root)[root / "groovy/show.groovy"]

    assert ("class Versions" in text) == uses
    assert ("import java.util.function.IntConsumer\n" in text) == uses
    assert text.count("import groovy.transform.CompileStatic") == uses
    # what names the class for a program that compiles the file is no step of a script
    assert not text.endswith("\nPackedObjects\n")


def test_a_function_is_found_where_a_closure_follows_its_name(root: Path) -> None:
    write(
        root / "groovy/lib/work.groovy",
        "// Work.\n\n/** Work. */\nstatic Object work(Closure act) {\n    return act()\n}\n",
    )
    write(
        root / "groovy/src/show.groovy",
        "// show.groovy: shows.\n\nimport java.nio.file.Files\n\nwork { Files.exists(path()) }\n",
    )

    assert "static Object work(" in build_all(root)[root / "groovy/show.groovy"]


def test_building_writes_what_is_stale_only(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], root) == 0
    assert capsys.readouterr().out.count("wrote ") == 2
    assert main([], root) == 0
    assert capsys.readouterr().out == ""
    assert main(["--check"], root) == 0


def test_a_check_names_a_stale_script_and_leaves_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], root)
    script = root / "macros/count.ijm"
    script.write_text("edited", "utf-8")

    assert main(["--check"], root) == 1
    assert f"{script} is not what macros/src and lib give; run " in capsys.readouterr().err
    assert script.read_text("utf-8") == "edited"
    assert find_stale(build_all(root), root) == [script]


def test_a_script_without_a_source_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "groovy/old.groovy", "// old")

    assert main([], root) == 1
    assert "old.groovy is not what groovy/src and lib give; delete it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("macros/lib/c.ijm", "// Again.\nfunction helper() {\n}\n", "is defined in b.ijm too"),
        ("macros/lib/c.ijm", "function bare() {\n}\n", "'function bare() {' belongs to no"),
        ("macros/lib/c.ijm", "print(1);\n", "'print(1);' belongs to no documented function"),
        ("macros/src/count.ijm", "// Own.\nfunction helper() {\n}\n", "is in the library too"),
        ("groovy/src/show.groovy", "// show.groovy\npath()\n", "has no import"),
    ],
)  # fmt: skip
def test_a_source_from_which_nothing_can_be_built_is_named(
    root: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, message: str
) -> None:
    write(root / file, text)

    with pytest.raises(ScriptSourceError, match=re.escape(message)):
        build_all(root)
    assert main([], root) == 1
    assert capsys.readouterr().err.startswith(f"{root / file}: ")


def test_the_package_takes_in_complete_scripts_only() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    patterns = pathspec.GitIgnoreSpec.from_lines(wheel["targets"]["wheel"]["include"])
    files = [p.relative_to(ROOT) for lang in LANGUAGES for p in (ROOT / lang.folder).rglob("*")]

    packed = {file for file in files if patterns.match_file(file.as_posix())}

    assert packed == {path.relative_to(ROOT) for path in build_all()}
    assert wheel["targets"]["wheel"]["sources"] == {
        "groovy": "bridge/groovy",
        "macros": "bridge/macros",
    }
