"""Errors of Fiji sessions; each message is one line."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class FijiError(StarbridgeError):
    """Fiji cannot start, or cannot do what it was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class FijiEndedError(FijiError):
    """The process of Fiji has ended: it was closed, killed, or Java crashed."""


class FijiTimeoutError(FijiError):
    """A request or macro exceeded its time limit."""


class MacroError(FijiError):
    """A macro did not reach its end.

    Attributes:
        macro: its file, or ``macro`` where it was given as text.
        line: number of the line where it stopped, from 1; ``None`` where ImageJ does not say.
        message: ImageJ's message.
    """

    def __init__(self, macro: str, line: int | None, message: str) -> None:
        self.macro = macro
        self.line = line
        self.message = " ".join(message.split())
        where = f", line {line}" if line else ""
        super().__init__(f"{macro}{where}: {self.message}")
