"""Close the error dialogs of ImageJ, which would wait for a click for ever."""

from __future__ import annotations

import time
from typing import Any

_SETTLED = 0.5
"""Seconds that a dialog has to be open. Closing one that is still opening would leave its thread
waiting for ever."""

_ERRORS = ("Macro Error", "No Image", "Macro")
"""Titles: an error in a macro, one that needs an open image, and ``exit("message")``."""


class ErrorDialogs:
    """Error dialogs of ImageJ; every other dialog is the user's.

    Attributes:
        texts: texts of the dialogs that were closed.
    """

    def __init__(self) -> None:
        from jpype import JClass

        self._windows = JClass("java.awt.Window")
        self._dialog = JClass("java.awt.Dialog")
        imagej = JClass("ij.IJ")
        self._last_error = imagej.class_.getDeclaredField("lastErrorMessage")
        self._last_error.setAccessible(True)
        self._identity = JClass("java.lang.System").identityHashCode
        self._seen: dict[int, float] = {}
        self.texts: list[str] = []

    def close_all(self) -> None:
        """Close all error dialogs that are open."""
        for window in self._windows.getWindows():
            if not (isinstance(window, self._dialog) and window.isShowing()):
                continue
            first_seen = self._seen.setdefault(int(self._identity(window)), time.monotonic())
            if time.monotonic() - first_seen < _SETTLED:
                continue
            text = _text(window)
            if str(window.getTitle()) in _ERRORS or self._tells_of_an_error(text):
                self.texts.append(text)
                window.dispose()

    def _tells_of_an_error(self, text: str) -> bool:
        said = self._last_error.get(None)
        return said is not None and str(said).split() == text.split()


def _text(container: Any) -> str:
    """Return the text of a dialog's labels."""
    texts = []
    for component in container.getComponents():
        kind = str(component.getClass().getName())
        if kind == "ij.gui.MultiLineLabel":
            lines = component.getClass().getDeclaredField("lines")
            lines.setAccessible(True)
            texts += [str(line) for line in lines.get(component) or ()]
        elif kind == "java.awt.Label":
            texts.append(str(component.getText()))
        elif hasattr(component, "getComponents"):
            texts.append(_text(component))
    return "\n".join(text for text in texts if text)
