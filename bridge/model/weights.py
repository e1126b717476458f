"""The choice of a model folder's weights file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError

_ENDINGS = (".h5", ".hdf5")


def find_weights(
    folder: Path, wanted: str | PathLike[str] | None = None
) -> tuple[Path, tuple[str, ...]]:
    """Choose the weights file of a model folder, as StarDist does.

    StarDist takes the newest file with ``best`` in its name, else the newest of all
    (``BaseModel._find_and_load_weights`` of csbdeep). Files that are equally new, as in a fresh
    copy, are told apart by the shorter name. Files that an operating system leaves
    (``._weights_best.h5``) are passed over.

    Args:
        folder: the model folder.
        wanted: a weights file (in the folder, or anywhere), or ``best`` or ``last``.

    Returns:
        The file, and a note where other files could have been meant.

    Raises:
        BadInputError: there are no weights, or not those that were asked for.

    Example:
        >>> from bridge.model.folder import demo_model_folder
        >>> find_weights(demo_model_folder())[0].name
        'weights_best.h5'
    """
    files = sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix in _ENDINGS and not path.name.startswith(".") and path.is_file()
        ),
        # Between equally new files a copy ("weights_best (1).h5") has the longer name.
        key=lambda path: (-path.stat().st_mtime, len(path.name), path.name),
    )
    if wanted is None and not files:
        raise BadInputError(
            folder, "has no weights (weights_best.h5)", "copy the weights into the model folder"
        )
    if wanted is None or str(wanted) in ("best", "last"):
        matching = [path for path in files if str(wanted or "best") in path.name]
        if matching or wanted is None:
            chosen, *others = matching or files
            return chosen, _note(chosen, others) if wanted is None else ()
    else:
        for candidate in (folder / wanted, Path(wanted).expanduser()):
            if candidate.is_file():
                return candidate, ()
    names = ", ".join(file.name for file in files) or "none"
    raise BadInputError(wanted, "is no weights file", f"choose one of those in {folder}: {names}")


def _note(chosen: Path, others: list[Path]) -> tuple[str, ...]:
    if not others:
        return ()
    names = ", ".join(sorted(path.name for path in others))
    return (
        f"{chosen.parent}: {chosen.name} is used, the newest of its weights; {names} "
        f"{'lies' if len(others) == 1 else 'lie'} beside it",
    )
