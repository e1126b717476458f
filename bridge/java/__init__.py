"""Java for whatever needs it: where it is, and its libraries. No program of its own lives here."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class JarMissingError(StarbridgeError):
    """A Java library that cannot be had here (no network, damaged on the way).

    Args:
        jar: its file name.
        reason: why, as a clause.
    """

    def __init__(self, jar: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{jar}: {reason}")
