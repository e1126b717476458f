"""Read a data set out of a zip."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from bridge.files.archive import list_zip, unpack_zip
from bridge.files.names import safe_name
from bridge.train.sources.couples import SPLITS


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
        members = {}
        for name in list_zip(archive):
            parts = [safe_name(part) or "_" for part in PurePosixPath(name).parts]
            place = root.joinpath(*parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            members[name] = "/".join(parts)
        unpack_zip(archive, root, members)
        yield _only_folder(root)


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
