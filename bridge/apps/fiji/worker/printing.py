"""Java's output while a macro runs without a window, without the texts of errors.

ImageJ without a window prints what it would show in an error dialog. Whoever runs the macro gets
that text with the error that ends it, so that it is not printed as well.
"""

# JPype's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

_EXIT = "ij.macro.Functions.exit"
_ERROR = "ij.IJ.error"
_CANCELED = "Macro canceled"
_TRACE = re.compile(r"\n\s+at \S+\(")

Frames = Sequence[str]
"""The methods that are under way, innermost first: ``ij.IJ.error``."""


class MacroOutput:
    r"""The output of a macro, passed on as it comes, but for texts of errors, which are kept.

    Args:
        write: passes on what is printed.

    Example:
        >>> output = MacroOutput(print)
        >>> output.take("one", ["ij.IJ.log", "ij.macro.Functions.print"])
        one
        >>> output.take("no image\n", ["ij.IJ.showMessage", "ij.macro.Functions.exit"])
        >>> output.exit_text
        'no image'
        >>> output.end("line 3: no image")
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._errors: list[str] = []
        self._trace = ""
        self._exit: int | None = None
        self._survived = 0

    @property
    def exit_text(self) -> str | None:
        """Text of the last ``exit("text")``; ``None`` where there was none."""
        return None if self._exit is None else " ".join(self._errors[self._exit].split())

    def take(self, text: str, frames: Frames) -> None:
        """Take what is printed.

        Args:
            text: the text.
            frames: the methods that print it.
        """
        if any(frame in (_EXIT, _ERROR) for frame in frames):
            if _EXIT in frames:
                self._exit = len(self._errors)
            self._errors.append(text)
        elif _TRACE.search(text):
            # Of an error that ends the macro, or that it survives: the next output tells. An error
            # that was told cancels the macro, also where `call` turns that into an exception.
            self._trace += "" if _CANCELED in text else text
        else:
            self._pass_on_trace()
            self._write(text)
            self._survived = len(self._errors)

    def end(self, message: str | None) -> None:
        """Pass on the errors that the macro survived, if the one that ended it is another.

        Errors after which nothing was printed are the one that ended it, in other words: ImageJ
        tells of a file that it cannot open twice.

        Args:
            message: of the error that ended the macro; ``None`` where it reached its end.
        """
        told = "".join((message or "").split())
        count = len(self._errors) if message is None else self._survived
        for text in self._errors[:count]:
            if "".join(text.split()) not in told:
                self._write(text)
        if message is None:
            self._pass_on_trace()
        self._errors, self._trace, self._exit, self._survived = [], "", None, 0

    def _pass_on_trace(self) -> None:
        if self._trace:
            self._write(self._trace)
            self._trace = ""


class JavaOutput:
    """Java's stdout, led through a :class:`MacroOutput`.

    Args:
        output: takes what is printed.
    """

    def __init__(self, output: MacroOutput) -> None:
        from jpype import JClass, JImplements, JOverride

        self._system = JClass("java.lang.System")
        self._usual: Any = None
        thread = JClass("java.lang.Thread")

        # Python cannot extend Java's streams, but a channel is an interface.
        @JImplements("java.nio.channels.WritableByteChannel")
        class Channel:
            @JOverride
            def write(self, source: Any) -> int:
                size = int(source.remaining())
                text = str(_utf_8().decode(source))
                trace = thread.currentThread().getStackTrace()
                output.take(text, [f"{f.getClassName()}.{f.getMethodName()}" for f in trace])
                return size

            @JOverride
            def isOpen(self) -> bool:  # noqa: N802 - Java's name
                return True

            @JOverride
            def close(self) -> None:
                pass

        channels = JClass("java.nio.channels.Channels")
        self._stream = JClass("java.io.PrintStream")(
            channels.newOutputStream(Channel()), True, "UTF-8"
        )

    def begin(self) -> None:
        """Put it in the place of Java's stdout."""
        self._usual = self._system.out
        self._system.setOut(self._stream)

    def end(self) -> None:
        """Give Java's stdout back."""
        self._stream.flush()
        self._system.setOut(self._usual)


def write_at_once(text: str) -> None:
    """Write to stdout, whole and at once: answers are written there, too."""
    rest = text.encode("utf-8", "replace")
    number = sys.__stdout__.fileno() if sys.__stdout__ else 1
    while rest:
        rest = rest[os.write(number, rest) :]


def _utf_8() -> Any:
    from jpype import JClass

    return JClass("java.nio.charset.StandardCharsets").UTF_8
