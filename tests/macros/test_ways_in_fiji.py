"""Macros get their settings in every way in which a real Fiji can call them.

What plain ImageJ has too is in :mod:`test_ways_of_calling`. Needs ``FIJI_APP``, Fiji's folder,
which stays as it is: the macros are put into the menus of a copy of links to its files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.apps.fiji import Fiji, MacroError
from bridge.apps.fiji.finding import inspect_app
from bridge.apps.fiji.installing import install
from bridge.model.macro_settings import macro_literal
from tests.macros.calls import MACROS, NAMES, Call, call_of
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.fiji_app,
    pytest.mark.skipif(not os.environ.get("FIJI_APP"), reason="needs a Fiji: set FIJI_APP"),
]
LIMIT = 120  # seconds for a start of Fiji and a macro
LAUNCHERS = ("fiji-linux-x64", "ImageJ-linux64", "fiji", "ImageJ-macosx", "ImageJ-win64.exe")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Fiji with the macros in its menus."""
    given = inspect_app(os.environ["FIJI_APP"]).path
    made = tmp_path_factory.mktemp("Fiji") / "Fiji.app"
    shutil.copytree(given, made, copy_function=linked)
    install(inspect_app(made))
    return made


def linked(source: str, target: str) -> str:
    """Link a file, or copy it to another disk; a symbolic link would lead Fiji to the first."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


@pytest.fixture(scope="module", params=["headless", "window"])
def session(app: Path, request: pytest.FixtureRequest) -> Iterator[Fiji]:
    """Fiji without and with its window, started by starbridge."""
    if request.param == "window":
        request.getfixturevalue("display")
    with Fiji(app, mode="gui" if request.param == "window" else "headless") as fiji:
        yield fiji


@pytest.fixture(params=NAMES)
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Call:
    """A call of a macro, in a folder with a name that breaks scripts."""
    return prepared(request.param, tmp_path)


def prepared(name: str, folder: Path) -> Call:
    place = folder / f"{name} it's a [b] µ"
    place.mkdir()
    return call_of(name, place)


def launcher(app: Path) -> Path:
    """Return the program that starts Fiji."""
    return next(app / name for name in LAUNCHERS if (app / name).is_file())


def launched(app: Path, *arguments: str) -> str:
    """Start Fiji without a window; return what it prints."""
    done = subprocess.run(
        [launcher(app), "--headless", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.stdout


def for_run(call: Call) -> str:
    """Return the settings as ``--run`` takes them."""
    return ",".join(f'{name}="{value}"' for name, value in call.settings.items())


def test_by_run_on_the_command_line(app: Path, call: Call) -> None:
    printed = launched(app, "--run", str(installed(app, call)), for_run(call))

    call.with_nothing_open().succeeded(printed)


def test_by_run_on_the_command_line_with_a_window(app: Path, display: str, call: Call) -> None:
    del display
    if not call.written:
        pytest.skip("what it shows cannot be seen from outside")
    with subprocess.Popen(
        [launcher(app), "--run", str(installed(app, call)), for_run(call)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # it stays open
        try:
            wait_until(call.written[-1].exists, "the macro's last file")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    call.check()


def test_by_macro_on_the_command_line(app: Path, call: Call, tmp_path: Path) -> None:
    if not call.opens:
        call.succeeded(launched(app, "-macro", str(installed(app, call)), call.text))
        return
    outer = tmp_path / "outer.ijm"
    text = macro_literal(call.text)
    outer.write_text(f"{call.opening}\nrunMacro({macro_literal(call.file)}, {text});\n")
    call.succeeded(launched(app, "-macro", str(outer)))


@pytest.mark.parametrize("way", ["by name", "runMacro", "python"])
def test_in_a_session(session: Fiji, call: Call, way: str) -> None:
    session.clear()
    text = macro_literal(call.text)
    macro = {
        "by name": f"{call.opening}\nrun({macro_literal(call.command)}, {text});",
        "runMacro": f"{call.opening}\nrunMacro({macro_literal(call.file)}, {text});",
        "python": str(call.file),
    }[way]
    values = {}
    if way == "python":
        session.run_macro(call.opening or "x = 1;")
        values = call.values
    if call.fails:
        with pytest.raises(MacroError) as caught:
            session.run_macro(macro, values)
        call.succeeded(str(caught.value))
    else:
        call.succeeded(session.run_macro(macro, values).printed)


@pytest.fixture(scope="module", params=["headless", "interactive"])
def pyimagej(app: Path, request: pytest.FixtureRequest) -> Iterator[Pyimagej]:
    """Fiji without and with its window, started by pyimagej."""
    request.getfixturevalue("display")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.macros.pyimagej_worker", str(app), request.param],
        cwd=MACROS.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Pyimagej(process, has_window=request.param == "interactive")
        process.kill()


class Pyimagej:
    """Fiji as pyimagej started it, in a process of its own.

    Args:
        process: the process.
        has_window: True where Fiji tells of errors in dialogs, for which somebody has to be there.
    """

    def __init__(self, process: subprocess.Popen[str], *, has_window: bool) -> None:
        self._process = process
        self.has_window = has_window

    def run(self, call: Call) -> str:
        """Run a macro; return what it prints, and its failure."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        watchdog = threading.Timer(LIMIT, self._process.kill)
        watchdog.start()
        # with its window, Fiji asks for what is left out: pyimagej's own objects could be meant
        settings = call.all_values if self.has_window else call.values
        stdin.write(json.dumps({"macro": str(call.file), "settings": settings}) + "\n")
        stdin.flush()
        printed = ""
        for line in stdout:
            if line.startswith("answer "):
                watchdog.cancel()
                return printed + str(json.loads(line.removeprefix("answer ")))
            printed += line
        raise AssertionError("Fiji ended")


def test_by_pyimagej(pyimagej: Pyimagej, call: Call) -> None:
    call = call.with_nothing_open()
    if pyimagej.has_window and call.fails:
        pytest.skip("with a window, ImageJ shows a dialog and waits for somebody to close it")

    call.succeeded(pyimagej.run(call))


def test_from_the_menu_and_by_what_the_recorder_wrote(
    app: Path, display: str, tmp_path: Path
) -> None:
    del display
    calls = [prepared(name, tmp_path) for name in NAMES]
    answers = chosen(app, tmp_path, calls)
    recorded = {}

    for call, answer in zip(calls, answers, strict=True):
        call.succeeded(answer["said"])
        if not call.fails:
            pattern = rf'^run\("{call.command}", ".*"\);$'
            (recorded[call.name],) = re.findall(pattern, answer["recorded"], re.MULTILINE)
        for path in call.written:
            path.unlink()
    with Fiji(app, mode="gui") as window:
        for call in calls:
            if not call.fails:
                result = window.run_macro(f"{call.opening}\n{recorded[call.name]}", timeout=LIMIT)
                call.succeeded(result.printed)
                window.clear()


def chosen(app: Path, folder: Path, calls: list[Call]) -> list[dict[str, str]]:
    """Choose the commands in Fiji's menus, one after the other, and answer their dialogs."""
    requests, results = folder / "calls.json", folder / "results.json"
    requests.write_text(
        json.dumps([{"command": c.command, "opening": c.opening, **c.answers} for c in calls])
    )
    driver = Path(__file__).with_name("drive_menus.groovy")
    subprocess.run(
        [launcher(app), "--run", str(driver), f'calls="{requests}",results="{results}"'],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT * 3,
        check=False,
    )
    answers: list[dict[str, str]] = json.loads(results.read_text("utf-8"))
    return answers


def installed(app: Path, call: Call) -> Path:
    """Return the macro's file in Fiji's menus."""
    return app / "scripts/Plugins/StarBridge" / call.file.name


@pytest.mark.parametrize(
    ("name", "script", "problem"),
    [
        ("bad_error.ijm", "x = foo(1);", "Undefined identifier in line 1"),
        ("bad_exit.ijm", 'exit("my reason");', "my reason"),
        ("bad_silent.ijm", "exit();", "stopped before its end"),
        ("bad_groovy.groovy", "throw new RuntimeException('groovy reason')", "groovy reason"),
        ("bad_missing.ijm", "#@ String needed\nprint(needed);", "'needed' is required but unset"),
    ],
)
def test_what_a_macro_runs_and_fails_makes_it_fail(
    app: Path, name: str, script: str, problem: str
) -> None:
    folder = app / "scripts/Plugins/Bad"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    command = Path(name).stem.replace("_", " ")

    with Fiji(app) as fiji, pytest.raises(MacroError) as caught:
        fiji.run_macro(f'run("{command}");\nprint("it went on");', timeout=LIMIT)

    assert problem in str(caught.value)
    assert "a macro that it runs failed" in str(caught.value)
