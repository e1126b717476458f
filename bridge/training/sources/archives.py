"""Read a data set out of a zip."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from bridge.errors import BadInputError
from bridge.files.archive import IMAGES, list_zip, unpack_zip
from bridge.files.names import safe_name
from bridge.training.sources.couples import SPLITS


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Unpack a zip into a temporary folder, which is removed afterwards.

    Args:
        archive: a zip of a folder, or of what is in it.

    Yields:
        The folder.

    Raises:
        BadInputError: as :func:`bridge.files.archive.read_zip`: damaged, a path that leaves its
            folder, a link, or far more data than its own size.
    """
    with tempfile.TemporaryDirectory(prefix="starbridge-") as temporary:
        root = Path(temporary)
        members: dict[str, str] = {}
        for name in list_zip(archive, IMAGES):
            members[name] = "/".join(safe_name(part) or "_" for part in PurePosixPath(name).parts)
        _check_members(archive, members)
        for place in {(root / member).parent for member in members.values()}:
            place.mkdir(parents=True, exist_ok=True)
        unpack_zip(archive, root, members, IMAGES)
        yield _only_folder(root)


def _check_members(archive: Path, members: Mapping[str, str]) -> None:
    """Refuse files that would overwrite each other, or a folder."""
    names = [name.casefold() for name in members.values()]
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    twice = (
        [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    )
    clash = [*twice, *folders.intersection(names)]
    if clash:
        raise BadInputError(
            archive, f"holds {clash[0]!r} twice", "pack it anew, with names of letters and digits"
        )


def _only_folder(folder: Path) -> Path:
    """Return the one folder that all files lie in."""
    inside = list(folder.iterdir())
    if (
        len(inside) == 1
        and inside[0].is_dir()
        and inside[0].name.lower() not in ("images", *SPLITS)
    ):
        return _only_folder(inside[0])
    return folder
