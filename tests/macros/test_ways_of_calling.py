"""Macros get their settings in every way in which ImageJ can call them.

What only Fiji has (``--run``, SciJava, menus without a window) is in :mod:`test_ways_in_fiji`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.apps.fiji import Fiji, MacroError
from bridge.model.macro_settings import macro_literal
from tests.macros.calls import MACROS, NAMES, Call, call_of
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.imagej,
    pytest.mark.network,
    pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command"),
]


@pytest.fixture(params=NAMES)
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Call:
    """A call of a macro, in a folder with a name that breaks scripts."""
    folder = tmp_path / "it's a [b] µ"
    folder.mkdir()
    return call_of(request.param, folder)


def run(fiji: Fiji, call: Call, macro: str, **settings: Any) -> str:
    """Run a macro that is expected to succeed, or to stop; return what it says."""
    if call.fails:
        with pytest.raises(MacroError) as caught:
            fiji.run_macro(macro, settings)
        return str(caught.value)
    return fiji.run_macro(macro, settings).printed


def test_from_python(fiji: Fiji, call: Call) -> None:
    fiji.run_macro(call.opening or "x = 1;")

    call.succeeded(run(fiji, call, str(call.file), **call.values))


def test_by_run_macro_from_another_macro(fiji: Fiji, call: Call) -> None:
    file, text = macro_literal(call.file), macro_literal(call.text)

    call.succeeded(run(fiji, call, f"{call.opening}\nrunMacro({file}, {text});"))


@pytest.fixture(scope="module")
def menus(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Menus]:
    """ImageJ with its window, as a person starts it, and the macros in its menus."""
    del display
    folder = tmp_path_factory.mktemp("ImageJ")
    plugins = folder / "plugins" / "StarBridge"
    plugins.mkdir(parents=True)
    for name in NAMES:
        (plugins / f"{name}.ijm").write_bytes((MACROS / f"{name}.ijm").read_bytes())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.apps.fiji.macro_worker", str(folder)],
        cwd=MACROS.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Menus(process)
        process.kill()


class Menus:
    """ImageJ with its window, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, request: Any) -> Any:
        """Send a request; see :mod:`tests.apps.fiji.macro_worker`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        for line in stdout:
            if line.startswith("answer "):
                watchdog.cancel()
                return json.loads(line.removeprefix("answer "))
        raise AssertionError("ImageJ ended")


def test_by_name_from_another_macro(menus: Menus, call: Call) -> None:
    command, text = macro_literal(call.command), macro_literal(call.text)
    menus.ask({"do": "clear"})

    said = menus.ask({"do": "macro", "text": f"{call.opening}\nrun({command}, {text});"})

    call.succeeded(said)


def test_from_the_menu_and_by_what_the_recorder_wrote(
    menus: Menus, call: Call, tmp_path: Path
) -> None:
    menus.ask({"do": "clear"})
    menus.ask({"do": "macro", "text": call.opening})

    answer = menus.ask({"do": "choose", "command": call.command, **call.answers})

    call.succeeded(answer["said"])
    if call.fails:
        return  # the recorder keeps no settings of what did not succeed
    (recorded,) = re.findall(rf'^run\("{call.command}", ".*"\);$', answer["recorded"], re.MULTILINE)
    for name, value in call.settings.items():
        assert f"{name}=[{value}]" in recorded or f"{name}={value} " in recorded + " "

    for path in call.written:
        path.unlink()
    menus.ask({"do": "clear"})
    said = menus.ask({"do": "macro", "text": f"{call.opening}\n{recorded}"})

    call.succeeded(said)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("labels=a.tif", "there is no setting labels; there are label_file, roi_file"),
        ("sigma=2", "there is no setting sigma; there are label_file, roi_file"),
        ("label_file=[a b.tif", "[a b.tif does not end; close it with a bracket or a quote"),
    ],
)
def test_a_setting_that_a_macro_does_not_have_ends_it(
    fiji: Fiji, settings: str, problem: str
) -> None:
    file = macro_literal(MACROS / "labels_to_rois.ijm")

    with pytest.raises(MacroError) as caught:
        fiji.run_macro(f"runMacro({file}, {macro_literal(settings)});")

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("sigma=-1", "sigma is -1; give a number of at least 0"),
        ("sigma=wide", "sigma is wide; give a number"),
        ("nuclei_channel=1.5", "nuclei_channel is 1.5; give a whole number"),
        ("fill_holes=maybe", "fill_holes is maybe; give yes or no"),
    ],
)
def test_a_value_that_a_setting_cannot_have_ends_the_macro(
    headless: Fiji, tmp_path: Path, setting: str, problem: str
) -> None:
    call = call_of("otsu_baseline", tmp_path)
    file, text = macro_literal(call.file), f"{call.text.replace('sigma=[0]', '')} {setting}"

    with pytest.raises(MacroError) as caught:
        headless.run_macro(f"runMacro({file}, {macro_literal(text)});")

    assert problem in str(caught.value)
    assert not call.written[0].exists()


def test_a_name_may_be_written_in_camel_case(fiji: Fiji, tmp_path: Path) -> None:
    call = call_of("labels_to_rois", tmp_path)
    text = call.text.replace("label_file", "labelFile").replace("roi_file", "ROI_file")

    printed = fiji.run_macro(
        f"runMacro({macro_literal(call.file)}, {macro_literal(text)});"
    ).printed

    call.succeeded(printed)
