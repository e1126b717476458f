"""What can go wrong with QuPath, each as one line for a person."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class QuPathError(StarbridgeError):
    """QuPath cannot start, or cannot do what it was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class QuPathEndedError(QuPathError):
    """QuPath's process has ended: it was killed, or Java crashed. Nothing was left half-written."""


class QuPathTimeoutError(QuPathError):
    """Something took longer than it was allowed to."""
