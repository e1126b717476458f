"""What a caller hears while files are written and tried."""

from __future__ import annotations


class Listener:
    """Told what goes on. Override what you want to show; by default nothing is shown."""

    def doing(self, what: str) -> None:
        """Something begins that takes seconds.

        Args:
            what: a clause for a person (``"run NAME.pb in OpenCV 4.14.0"``).
        """

    def downloading(self, what: str, done: int, total: int) -> None:
        """A download moved on.

        Args:
            what: name of the file.
            done: bytes that are here.
            total: bytes that it has.
        """
