"""The errors that a person sees: one line each, saying which file, what is wrong and what to do."""

from __future__ import annotations

from os import PathLike, fspath


class StarbridgeError(Exception):
    """Anything a user can mend. Its text is one line, ready to be shown without a traceback."""


class BadInputError(StarbridgeError):
    """A file, folder or array that cannot be used.

    Args:
        source: the file or folder, or a word for an array (``"image"``).
        problem: what is wrong, as a clause (``"has no channel 7"``).
        remedy: what to do about it, as an imperative clause, or ``""`` where nothing can be done.
    """

    def __init__(self, source: str | PathLike[str], problem: str, remedy: str = "") -> None:
        self.source = fspath(source)
        self.problem = problem
        self.remedy = remedy
        text = f"{self.source}: {problem}"
        if remedy:
            text += f"; {remedy}"
        super().__init__(" ".join(text.split()))


class MissingPartError(StarbridgeError):
    """An optional part of starbridge that is not installed.

    Args:
        part: name of the installable part (``"segment"``, ``"fiji"``, …).
        purpose: what it is needed for (``"run a StarDist model"``).
        missing: the Python package that could not be imported.
    """

    def __init__(self, part: str, purpose: str, missing: str) -> None:
        self.part = part
        super().__init__(
            f"{missing} is needed to {purpose} and is not installed; "
            f'install it with: pip install "starbridge[{part}]"'
        )


def internal_error(source: str | PathLike[str], what: str, error: Exception) -> BadInputError:
    """Wrap an unexpected exception so that the batch can go on.

    Args:
        source: the file.
        what: what could not be done with it: ``measured``.
        error: what was raised.
    """
    return BadInputError(
        source,
        f"could not be {what} ({type(error).__name__}: {error})",
        "please report this, with what --verbose prints",
    )
