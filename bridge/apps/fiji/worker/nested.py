"""Failures of what a macro runs: ImageJ and SciJava drop them, and the macro goes on."""

# JPype's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

FAILED = "starbridge.macro.failed"
"""Java property in which a macro of starbridge leaves why it stopped."""

_ABORTED = "starbridge.macro.aborted"
_LOGGING = ("org.scijava.log.", "java.", "jdk.", "org.jpype.", "com.sun.proxy.", "$Proxy")


def mark_aborted_macros() -> None:
    """Have ImageJ note it when a macro that another one runs does not reach its end.

    Java has to run, and ImageJ not to be loaded yet: one of its classes is changed on the way.
    """
    from jpype import JClass

    pool = JClass("javassist.ClassPool").getDefault()
    runner = pool.get("ij.plugin.Macro_Runner")
    text = pool.get("java.lang.String")
    runner.getDeclaredMethod("runMacro", [text, text]).insertAfter(
        f'if ("[aborted]".equals($_)) System.setProperty("{_ABORTED}", "yes");'
    )
    runner.toClass(JClass("java.lang.ClassLoader").getSystemClassLoader(), None)


class NestedFailures:
    """Failures of the macros, scripts and commands that a macro ran.

    Args:
        context: SciJava's context; ``None`` for an ImageJ without SciJava.
    """

    def __init__(self, context: Any | None) -> None:
        from jpype import JClass

        self._system = JClass("java.lang.System")
        self._problems: list[str] = []
        # SciJava keeps no strong reference to who listens, so Java objects are kept here.
        self._listeners = [] if context is None else list(_listen(context, self._problems.append))

    def clear(self) -> None:
        """Forget what happened before."""
        self._problems.clear()
        for name in (FAILED, _ABORTED):
            self._system.clearProperty(name)

    def first(self) -> str | None:
        """Return the first problem since :meth:`clear`, in words; ``None`` where there is none."""
        if (said := self._system.getProperty(FAILED)) is not None:
            return str(said)
        if self._problems:
            return self._problems[0]
        if self._system.getProperty(_ABORTED) is not None:
            return "it stopped before its end, by exit() or a cancelled dialog"
        return None


def _listen(context: Any, note: Callable[[str], None]) -> list[Any]:
    """Have SciJava tell of scripts that fail and of commands that are cancelled."""
    from jpype import JClass, JImplements, JObject, JOverride

    cancelled = JClass("org.scijava.module.event.ModuleCanceledEvent")

    @JImplements("org.scijava.log.LogListener")
    class Errors:
        @JOverride
        def messageLogged(self, message: Any) -> None:  # noqa: N802 - SciJava's name
            error = message.throwable()
            if error is not None and _is_of_a_script():
                note(str(error.toString()).splitlines()[0])

    @JImplements("org.scijava.event.EventSubscriber")
    class Cancelled:
        @JOverride
        def onEvent(self, event: Any) -> None:  # noqa: N802 - SciJava's name
            title = str(event.getModule().getInfo().getTitle())
            note(f"{title} was cancelled: {event.getReason() or 'without a reason'}")

        @JOverride
        def getEventClass(self) -> Any:  # noqa: N802 - SciJava's name
            return cancelled.class_

    errors = JObject(Errors(), "org.scijava.log.LogListener")
    events = JObject(Cancelled(), "org.scijava.event.EventSubscriber")
    context.service("org.scijava.log.LogService").addLogListener(errors)
    with suppress(Exception):  # SciJava before 2.9 has no such method
        context.service("org.scijava.event.EventService").subscribe(events)
    return [errors, events]


def _is_of_a_script() -> bool:
    """Return True where a script's own runner logs, not a plugin that goes on."""
    from jpype import JClass

    for frame in JClass("java.lang.Thread").currentThread().getStackTrace():
        name = str(frame.getClassName())
        if not name.startswith(_LOGGING):
            return name == "org.scijava.script.ScriptModule"
    return False
