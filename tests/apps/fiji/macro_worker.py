"""Runs inside a process of its own: ImageJ answers requests, a JSON object a line.

Called as ``python -m tests.apps.fiji.macro_worker [FOLDER]``; with a folder, ImageJ has its window
and the macros of ``FOLDER/plugins`` in its menus. An answer is a line that begins with ``answer``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from bridge.apps.fiji.embedded import fetch_imagej
from tests.waiting import PATIENCE


class ImageJ:
    """The requests, a method each.

    Args:
        folder: ImageJ's folder; ``None`` for an ImageJ without a window.
    """

    def __init__(self, folder: str | None) -> None:
        import jpype

        # not by scyjava: two processes that fill its cache at the same time end each other
        java, (imagej_jar, *_) = fetch_imagej()
        option = "-Djava.awt.headless=true" if folder is None else f"-Dplugins.dir={folder}"
        jpype.startJVM(option, jvmpath=str(java), classpath=[str(imagej_jar)], convertStrings=True)
        self._java = jpype.JClass
        if folder is not None:
            imagej = self._java("ij.ImageJ")
            imagej(imagej.NO_SHOW)
            self._java("ij.IJ").run("Record...")

    def macro(self, text: str) -> str | None:
        """Run a macro; return its value, else what it printed and the messages that it showed."""
        result: list[Any] = []
        imagej = self._java("ij.IJ")
        thread = threading.Thread(target=lambda: result.append(imagej.runMacro(text, "")))
        thread.start()
        said = "".join(self._until(lambda: not thread.is_alive()))
        value = result[0] if result else None
        return said + self._log() if value in (None, "[aborted]") else str(value)

    def clear(self) -> None:
        """Close all images, and empty the ROI Manager and the log."""
        self._java("ij.IJ").runMacro(
            'close("*"); roiManager("reset"); print("x"); print("\\\\Clear");', ""
        )

    def choose(
        self, command: str, texts: list[str], numbers: list[str], choices: list[str]
    ) -> dict[str, str]:
        """Choose a command of the menus and answer its dialog.

        Returns:
            What it ``said``, in the log and in messages, and what the recorder ``recorded``.
        """
        recorder = self._java("ij.plugin.frame.Recorder").getInstance()
        before = str(recorder.getText())
        self._java("ij.IJ").doCommand(command)
        dialog = self._wait_for("ij.gui.GenericDialog")
        for fields, answers in (
            (dialog.getStringFields(), texts),
            (dialog.getNumericFields(), numbers),
        ):
            for field, answer in zip(fields or (), answers, strict=True):
                field.setText(answer)
        for choice, answer in zip(dialog.getChoices() or (), choices, strict=True):
            choice.select(answer)
        self._press(dialog)
        threads = self._java("java.lang.Thread")
        said = "".join(
            self._until(
                lambda: (
                    not any(
                        command in str(thread.getName()) for thread in threads.getAllStackTraces()
                    )
                )
            )
        )
        # the recorder gets a line after the end, and keeps no settings of a macro that stops
        end = time.monotonic() + (0 if said else PATIENCE)
        recorded = ""
        while f'run("{command}", "' not in recorded and time.monotonic() < end:
            time.sleep(0.05)
            recorded = str(recorder.getText()).removeprefix(before)
        return {"said": said + self._log(), "recorded": recorded.strip()}

    def _until(self, is_done: Any) -> Iterator[str]:
        """Wait; yield the texts of messages, which are closed."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done, messages = is_done(), self._windows("ij.gui.MessageDialog")
            if done and not messages:
                return
            for window in messages:
                yield "\n".join(text_of(window))
                time.sleep(0.5)  # closing one that is still opening would block it for ever
                window.dispose()
            time.sleep(0.05)
        raise TimeoutError("it goes on and on")

    def _wait_for(self, kind: str) -> Any:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := self._windows(kind):
                time.sleep(0.5)
                return found[0]
            time.sleep(0.05)
        raise TimeoutError(kind)

    def _windows(self, kind: str) -> list[Any]:
        windows = self._java("java.awt.Window").getWindows()
        return [w for w in windows if str(w.getClass().getName()) == kind and w.isShowing()]

    def _press(self, dialog: Any) -> None:
        event = self._java("java.awt.event.ActionEvent")
        button = dialog.getButtons()[0]
        button.dispatchEvent(event(button, event.ACTION_PERFORMED, button.getLabel()))

    def _log(self) -> str:
        return str(self._java("ij.IJ").getLog() or "")


def text_of(component: Any) -> Iterator[str]:
    """Yield the lines of the labels in a window."""
    if str(component.getClass().getSimpleName()) == "MultiLineLabel":
        field = component.getClass().getDeclaredField("lines")
        field.setAccessible(True)
        yield from map(str, field.get(component) or ())
    elif hasattr(component, "getComponents"):
        for inside in component.getComponents():
            yield from text_of(inside)


def main() -> None:
    """Answer until the input ends."""
    imagej = ImageJ(sys.argv[1] if len(sys.argv) > 1 else None)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(imagej, request.pop("do"))(**request)
        print("answer", json.dumps(answer), flush=True)  # noqa: T201
    os._exit(0)  # ImageJ's window would keep Java alive


if __name__ == "__main__":
    main()
