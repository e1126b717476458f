"""Errors of QuPath sessions; each message is one line."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class QuPathError(StarbridgeError):
    """QuPath cannot start, or cannot do what it was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class QuPathEndedError(QuPathError):
    """The process of QuPath has ended: it was killed, or Java crashed."""


class QuPathTimeoutError(QuPathError):
    """A request exceeded its time limit."""


SAVED_MEANWHILE = "somebody saved its objects meanwhile; close the project in QuPath and push again"
"""Problem of a file of objects that is not the one that was read."""
