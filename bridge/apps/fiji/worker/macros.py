"""Run macros, and check that they reached their end."""

from __future__ import annotations

import re
import sys
import threading
import time

from bridge.apps.fiji.worker.dialogs import ErrorDialogs
from bridge.apps.fiji.worker.nested import NestedFailures
from bridge.apps.fiji.worker.printing import JavaOutput, MacroOutput, write_at_once

STOPPED = "stopped before its end, by exit() or a cancelled dialog"
"""Message for a macro that ended itself and gave no reason."""

_DONE = "starbridge.macro.done"
_POLL = 0.02  # seconds
_PATIENCE = 10.0  # seconds that an aborted macro has to stop

_NESTED_ERROR = re.compile(r"^Macro Error: (.* in line \d+)", re.MULTILINE)
"""Without a window ImageJ only prints the failure of a macro that another macro ran."""

# A macro block outside of strings and comments: ImageJ runs the first and nothing after it.
_BLOCK = re.compile(r'^\s*macro\s*["\']', re.MULTILINE)


class MacroFailedError(Exception):
    """A macro did not reach its end.

    Attributes:
        line: line where it stopped, from 1, or ``None``.
    """

    def __init__(self, message: str, line: int | None) -> None:
        self.line = line
        super().__init__(message)


class MacroTimeoutError(Exception):
    """A macro exceeded its time limit.

    Attributes:
        stopped: True where it could be stopped.
    """

    def __init__(self, message: str, *, stopped: bool) -> None:
        self.stopped = stopped
        super().__init__(message)


def run_macro(
    text: str, argument: str, timeout: float | None, *, window: bool, nested: NestedFailures
) -> str | None:
    """Run a macro to its end.

    Args:
        text: the macro, its script parameters already in place.
        argument: result of ``getArgument()``.
        timeout: seconds that it may take.
        window: True where ImageJ has its window.
        nested: listens to what the macro runs.

    Returns:
        The macro's return value, ``None`` if it has none.

    Raises:
        MacroFailedError: it stopped before its end.
        MacroTimeoutError: it took too long.
    """
    running = _Running(text, argument, nested, window=window)
    log = Log() if window else None
    dialogs = ErrorDialogs() if window else None
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until = None if timeout is None else time.monotonic() + timeout
    while thread.is_alive():
        thread.join(_POLL)
        if log is not None:
            log.pass_on()
        if dialogs is not None:
            dialogs.close_all()
        if until is not None and time.monotonic() > until:
            stopped = running.abort(thread)
            running.output.end(None)
            raise MacroTimeoutError(f"took longer than {timeout:g} s", stopped=stopped)
    if log is not None:
        log.pass_on()
    try:
        value = running.result(dialogs.texts if dialogs is not None else [])
    except MacroFailedError as error:
        running.output.end(str(error))
        raise
    running.output.end(None)
    return value


class Log:
    """New lines of ImageJ's Log window; without a window ImageJ prints by itself."""

    def __init__(self) -> None:
        self._seen = self._text()

    def pass_on(self) -> None:
        """Print the new lines."""
        text = self._text()
        if text == self._seen:
            return
        new = text[len(self._seen) :] if text.startswith(self._seen) else text
        self._seen = text
        sys.stdout.write(new if new.endswith("\n") else new + "\n")
        sys.stdout.flush()

    def _text(self) -> str:
        from jpype import JClass

        return str(JClass("ij.IJ").getLog() or "")


class _Running:
    """A run of a macro, in a thread that ImageJ takes for one of its own."""

    def __init__(self, text: str, argument: str, nested: NestedFailures, *, window: bool) -> None:
        from jpype import JClass

        self.output = MacroOutput(write_at_once)
        # With a window, errors are told in dialogs, and everything else in the Log window.
        self._stdout = None if window else JavaOutput(self.output)

        self._system = JClass("java.lang.System")
        self._interpreter = JClass("ij.macro.Interpreter")()
        self._imagej = JClass("ij.IJ")
        self._argument = argument
        self._nested = nested
        # An error that ImageJ does not report leaves this line unreached.
        self._marked = _BLOCK.search(text) is None
        self._text = text
        if self._marked:
            self._text += f'\n;call("java.lang.System.setProperty", "{_DONE}", "yes");'
        self._value: str | None = None
        self._error: BaseException | None = None
        self._stderr = ""

    def run(self) -> None:
        from jpype import JClass

        thread = JClass("java.lang.Thread").currentThread()
        # Macro.abort() stops only threads of this name.
        thread.setName("starbridge_Macro$")
        # A thread that Java did not start has none, and ImageJ needs it to find classes.
        thread.setContextClassLoader(JClass("java.lang.ClassLoader").getSystemClassLoader())
        self._system.clearProperty(_DONE)
        self._nested.clear()
        self._imagej.getErrorMessage()  # Clears the last one.
        errors = JClass("java.io.ByteArrayOutputStream")()
        usual = self._system.err
        self._system.setErr(JClass("java.io.PrintStream")(errors, True, "UTF-8"))
        if self._stdout is not None:
            self._stdout.begin()
        try:
            value = self._interpreter.run(self._text, self._argument)
            self._value = None if value is None else str(value)
        except Exception as error:
            self._error = error
        finally:
            if self._stdout is not None:
                self._stdout.end()
            self._system.setErr(usual)
            self._stderr = str(errors.toString("UTF-8"))
            sys.stderr.write(self._stderr)

    def abort(self, thread: threading.Thread) -> bool:
        """Stop the macro; return True where it stopped."""
        self._interpreter.abortMacro()
        thread.join(_PATIENCE)
        return not thread.is_alive()

    def result(self, dialogs: list[str]) -> str | None:
        """Return the macro's value, or raise its error.

        Args:
            dialogs: texts of error dialogs that were closed meanwhile.
        """
        error, reason = self._error, self.output.exit_text
        if error is not None and _cancelled(error) and reason is not None:
            raise MacroFailedError(reason, self._line())
        message = self._interpreter.getErrorMessage() or self._imagej.getErrorMessage()
        if message is None and dialogs:
            message = dialogs[-1]
        if error is not None and not _cancelled(error):
            raise MacroFailedError(str(message or _explained(error)), self._line())
        if self._interpreter.wasError() or message is not None:
            raise MacroFailedError(str(message or "stopped with an error"), self._line())
        if error is None and (problem := self._nested_problem(reason)):
            raise MacroFailedError(f"a macro that it runs failed: {problem}", None)
        if error is not None:
            raise MacroFailedError(STOPPED, self._line())
        reached = self._system.getProperty(_DONE) is not None or self._value is not None
        if self._marked and not reached:
            raise MacroFailedError("stopped before its end, and ImageJ does not say why", None)
        return self._value

    def _nested_problem(self, reason: str | None) -> str | None:
        """Return why something failed that the macro ran, after which it went on."""
        printed = _NESTED_ERROR.search(self._stderr)
        return reason or (printed[1] if printed else self._nested.first())

    def _line(self) -> int | None:
        if self._interpreter.wasError():
            # getLineNumber() is one token too far by now.
            field = self._interpreter.getClass().getDeclaredField("lineNumber")
            field.setAccessible(True)
            return int(field.getInt(self._interpreter)) or None
        try:
            return int(self._interpreter.getLineNumber()) or None
        except Exception:  # It never began.
            return None


def _cancelled(error: BaseException) -> bool:
    return str(getattr(error, "getMessage", lambda: "")()) == "Macro canceled"


def _explained(error: BaseException) -> str:
    kind = type(error).__name__.rpartition(".")[2]
    text = str(getattr(error, "getMessage", lambda: error)() or "")
    if kind == "HeadlessException" or "headless" in text.lower():
        return (
            "wants a window (a dialog, or the ROI Manager), and this ImageJ runs without; "
            'give its values as arguments, or start it with mode="gui"'
        )
    if kind == "OutOfMemoryError":
        return "Java ran out of memory; start with a larger heap"
    return f"{kind}: {text}" if text and text != "None" else kind
