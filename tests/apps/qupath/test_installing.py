"""Scripts put into QuPath's user directory, and what people have changed there left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps import installing
from bridge.apps.finding import QuPathApp
from bridge.apps.qupath.installing import install, scripts_folder, user_folder
from bridge.errors import BadInputError
from bridge.files import packaged


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without QuPath."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setattr(Path, "home", lambda: folder)
    return folder


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "groovy"
    folder.mkdir()
    (folder / "count.groovy").write_text("println(1)\n", "utf-8")
    (folder / "import.groovy").write_text("println('µ')\n", "utf-8")
    (folder / "README.md").write_text("no script")
    return folder


def qupath(version: str | None) -> QuPathApp:
    return QuPathApp(path=Path("QuPath"), version=version, java_version=None)


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("there", "version", "expected"),
    [
        ([], None, "QuPath"),
        ([], "0.6.0", "QuPath/v0.6"),
        (["v0.5", "v0.6"], "0.5.1", "QuPath/v0.5"),
        (["v0.6"], "0.7.0-rc1", "QuPath/v0.7"),
        (["v0.6", "v0.10", "v0.x"], None, "QuPath/v0.10"),
        (["scripts"], "0.6.0", "QuPath"),
        (["scripts", "v0.6"], "0.6.0", "QuPath/v0.6"),
        (["extensions"], None, "QuPath"),
        ([], "1", "QuPath/v1.0"),
    ],
)
def test_the_user_directory_is_that_of_the_version(
    home: Path, there: list[str], version: str | None, expected: str
) -> None:
    for name in there:
        (home / "QuPath" / name).mkdir(parents=True)

    assert user_folder(qupath(version)) == home / expected
    if version is None:
        assert user_folder() == home / expected


def test_scripts_go_into_a_menu_of_their_own(home: Path, scripts: Path) -> None:
    (home / "QuPath" / "v0.6").mkdir(parents=True)

    done = install(scripts=scripts)

    assert done.folder == home / "QuPath/v0.6/scripts/StarBridge"
    assert names(done.written) == ["count.groovy", "import.groovy"]
    assert (done.folder / "import.groovy").read_bytes() == "println('µ')\n".encode()
    assert done.lines() == [
        f"2 scripts in {done.folder}; QuPath shows them under Automate › User scripts › StarBridge"
    ]


def test_a_qupath_without_user_directory_is_told(home: Path, scripts: Path) -> None:
    done = install(app=qupath("0.6.0"), scripts=scripts)

    assert (home / "QuPath/v0.6/scripts/StarBridge/count.groovy").exists()
    assert f"set QuPath user directory to {home / 'QuPath/v0.6'}" in done.lines()[1]


def test_a_given_folder_wins(tmp_path: Path, home: Path, scripts: Path) -> None:
    (home / "QuPath" / "v0.6").mkdir(parents=True)
    (tmp_path / "mine" / "extensions").mkdir(parents=True)

    plain = install(tmp_path / "shared scripts", scripts=scripts)
    of_user = install(tmp_path / "mine", scripts=scripts)

    assert plain.folder == tmp_path / "shared scripts"
    assert of_user.folder == tmp_path / "mine/scripts/StarBridge"
    assert of_user.notes == ()
    assert plain.lines() == [
        f"2 scripts in {plain.folder}",
        "QuPath shows them under Automate › Shared scripts when its Preferences, under Scripting, "
        f"have {plain.folder} as Script directory",
    ]
    assert list((home / "QuPath/v0.6").iterdir()) == []


def test_a_folder_may_begin_with_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scripts: Path
) -> None:
    monkeypatch.setattr(Path, "expanduser", lambda p: Path(str(p).replace("~", str(tmp_path))))

    assert install("~/mine", scripts=scripts).folder == tmp_path / "mine"


def test_again_changes_nothing(tmp_path: Path, scripts: Path) -> None:
    install(tmp_path / "to", scripts=scripts)

    done = install(tmp_path / "to", scripts=scripts)

    assert (done.written, done.kept) == ((), ())
    assert names(done.unchanged) == ["count.groovy", "import.groovy"]


def test_an_older_script_of_ours_is_replaced(tmp_path: Path, scripts: Path) -> None:
    install(tmp_path / "to", scripts=scripts)
    (scripts / "count.groovy").write_text("println(2)\n", "utf-8")

    done = install(tmp_path / "to", scripts=scripts)

    assert names(done.written) == ["count.groovy"]
    assert (done.folder / "count.groovy").read_text("utf-8") == "println(2)\n"


def test_what_a_person_changed_stays(tmp_path: Path, scripts: Path) -> None:
    folder = install(tmp_path / "to", scripts=scripts).folder
    (folder / "count.groovy").write_text("println('mine')\n", "utf-8")
    for text in ("println(2)\n", "println(3)\n"):
        (scripts / "count.groovy").write_text(text, "utf-8")

        done = install(tmp_path / "to", scripts=scripts)

        assert names(done.kept) == ["count.groovy"]
        assert (folder / "count.groovy").read_text("utf-8") == "println('mine')\n"
        assert f"{folder / 'count.groovy'}: you have changed it, so it stays" in done.lines()[1]


def test_what_a_person_put_there_before_us_stays(tmp_path: Path, scripts: Path) -> None:
    mine = tmp_path / "to" / "count.groovy"
    mine.parent.mkdir()
    mine.write_text("println('mine')\n", "utf-8")

    assert names(install(tmp_path / "to", scripts=scripts).kept) == ["count.groovy"]


def test_overwriting_loses_nothing(tmp_path: Path, scripts: Path) -> None:
    folder = install(tmp_path / "to", scripts=scripts).folder
    for number in (1, 2):
        (folder / "count.groovy").write_text(f"println('mine {number}')\n", "utf-8")

        done = install(tmp_path / "to", scripts=scripts, overwrite=True)

        assert names(done.written) == ["count.groovy"]
        assert done.saved[0].read_text("utf-8") == f"println('mine {number}')\n"
        assert f"{done.saved[0]}: your changed script" in done.lines()
    assert sorted(p.name for p in folder.glob("count*")) == [
        "count (edited 2).groovy", "count (edited).groovy", "count.groovy",
    ]  # fmt: skip


def test_scripts_that_are_no_more_go_unless_changed(tmp_path: Path, scripts: Path) -> None:
    folder = install(tmp_path / "to", scripts=scripts).folder
    (folder / "import.groovy").write_text("println('mine')\n", "utf-8")
    (scripts / "new.groovy").write_text("println(3)\n", "utf-8")
    for name in ("count.groovy", "import.groovy"):
        (scripts / name).unlink()

    done = install(tmp_path / "to", scripts=scripts)

    assert names(done.removed) == ["count.groovy"]
    assert sorted(p.name for p in folder.glob("*.groovy")) == ["import.groovy", "new.groovy"]


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"files": 3}', '{"files": {"../victim.groovy": "HASH"}}']
)
def test_a_hostile_record_harms_nobody(tmp_path: Path, scripts: Path, record: str) -> None:
    folder = install(tmp_path / "to", scripts=scripts).folder
    victim = tmp_path / "victim.groovy"
    victim.write_bytes(b"mine")
    text = record.replace("HASH", installing.file_hash(victim) or "")
    (folder / installing.RECORD).write_text(text)

    done = install(tmp_path / "to", scripts=scripts)

    assert victim.exists()
    assert (done.removed, len(done.unchanged)) == ((), 2)


def test_what_is_in_the_way_is_named(tmp_path: Path, scripts: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="a file, not a folder|in the way of a folder"):
        install(tmp_path / "file" / "to", scripts=scripts)
    (tmp_path / "to" / "count.groovy").mkdir(parents=True)
    with pytest.raises(BadInputError, match="is a folder where a file belongs"):
        install(tmp_path / "to", scripts=scripts)


def test_a_folder_of_somebody_else_is_told_in_one_line(
    tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(BadInputError, match="you may not write there; give a folder") as caught:
        install(tmp_path / "to", scripts=scripts)
    assert str(caught.value).startswith(str(tmp_path / "to"))


def test_sources_in_subfolders_are_not_installed(tmp_path: Path, scripts: Path) -> None:
    top = sorted(path.name for path in scripts.glob("*.groovy"))
    for name in ("src", "lib"):
        (scripts / name).mkdir()
        (scripts / name / "part.groovy").write_text("// a part of a script")

    done = install(tmp_path / "to", scripts=scripts)

    assert sorted(path.name for path in done.written) == top


def test_a_folder_without_scripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no script"):
        install(tmp_path / "to", scripts=tmp_path / "empty")


def test_scripts_are_found_in_a_package_and_in_a_checkout(
    tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "PACKAGE", tmp_path / "bridge")

    assert scripts_folder() == scripts
    packed = tmp_path / "bridge" / "groovy"
    packed.mkdir(parents=True)
    (packed / "a.groovy").touch()
    assert scripts_folder() == packed
    (packed / "a.groovy").unlink()
    for path in scripts.glob("*.groovy"):
        path.unlink()
    with pytest.raises(BadInputError, match="holds no script; install starbridge again"):
        scripts_folder()


def test_our_own_scripts_install(tmp_path: Path) -> None:
    done = install(tmp_path / "to")

    assert "run_stardist.groovy" in names(done.written)
    assert done.kept == ()
