"""Java: its installation, its libraries and the worker processes that host it."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class JarMissingError(StarbridgeError):
    """A Java library that cannot be downloaded, or not undamaged.

    Args:
        jar: its file name.
        reason: the reason, as a clause.
    """

    def __init__(self, jar: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{jar}: {reason}")
