"""Write the reviews of a QuPath project's images into one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.crops import find_crops
from bridge.apps.qupath.errors import QuPathEndedError, QuPathError
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, read_project
from bridge.apps.qupath.results import result_names, review_key, write_review
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import MOST_RESTARTS, Review, read_review
from bridge.batch.job import Json, Work
from bridge.review.pull_job import Choice, PullJob
from bridge.review.results import Written


class QuPathPullJob(PullJob[str]):
    """The pull of reviewed objects; its items are numbers of images in the project.

    QuPath starts with the first image that is read, once a process; :meth:`close` ends it. Nothing
    in the project is written.

    Args:
        files: the project.
        images: those that are pulled.
        choice: what is written.
        crops: the image region of each annotation, too.
        app: folder of QuPath, as in :class:`bridge.apps.qupath.session.QuPath`.
        heap: its memory, as there.
    """

    record = "qupath_pull.json"
    fatal = (QuPathEndedError,)

    def __init__(
        self,
        files: ProjectFiles,
        images: tuple[ProjectImage, ...],
        choice: Choice,
        *,
        crops: bool = False,
        app: Path | None = None,
        heap: str | None = None,
    ) -> None:
        self.choice = choice
        self._files = files
        self._images = {image.id: image for image in images}
        # Made of all images, so that a choice of images does not change a name.
        ids = [image.id for image in files.images]
        self._names = dict(zip(ids, result_names(files.images), strict=True))
        self._crops = crops
        self._app, self._heap = app, heap
        self._session: QuPath | None = None
        self._ended = 0

    def name(self, item: str) -> str:
        """Return the base name of an image's files."""
        return self._names[item]

    def source(self, item: str) -> Path:
        """Return the name of an image in QuPath."""
        return Path(self._images[item].name)

    def review_key(self, item: str) -> dict[str, Json]:
        """Return the identity of the saved objects."""
        return {**review_key(self._files, self._images[item]), "choice of crops": self._crops}

    def has_changes(self, item: str) -> bool:
        """Return whether something was pushed into the image."""
        return Backup(self._files, self._images[item]).current_record() is not None

    def prepare(self, work: Work[str]) -> None:
        """Start QuPath and open the project.

        Raises:
            QuPathError: QuPath does not start, or cannot open the project.
        """
        del work
        if self._session is not None and not self._session.running:
            self._session.restart()
        if self._session is None:
            session = QuPath(self._app, heap=self._heap)
            try:
                session.open(self._files.folder, reading=True)
            except BaseException:
                session.close()
                raise
            self._session = session

    def write(self, item: str, folder: Path) -> Written:
        """Write the review of an image."""
        assert self._session is not None  # noqa: S101 - prepare() comes first
        review = self._read(self._session, self._images[item])
        choice = self.choice
        return write_review(
            review,
            self._names[item],
            folder,
            choice.formats,
            only=choice.only,
            classes=choice.classes,
            crops=self._crops,
        )

    def _read(self, session: QuPath, image: ProjectImage) -> Review:
        """Read a review; one image with which QuPath ends or hangs does not end the others.

        Raises:
            QuPathEndedError: QuPath has ended too often in a row.
        """
        try:
            review = read_review(session, self._files, image)
        except QuPathError as error:
            if session.running:
                raise
            self._ended += 1
            if self._ended > MOST_RESTARTS:
                raise QuPathEndedError(str(error)) from error
            raise QuPathError(str(error)) from error
        self._ended = 0
        return review

    def leftovers(self, item: str, out: Path) -> list[str]:
        """Return the crops that are there."""
        return find_crops(self._names[item], out)

    def files(self, item: str) -> list[Path]:
        """Return the project's folder."""
        del item
        return [self._files.folder.absolute()]

    def close(self) -> None:
        """End QuPath."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __getstate__(self) -> dict[str, Any]:
        files = read_project(self._files.file.absolute())
        images = {image.id: image for image in files.images if image.id in self._images}
        return {**vars(self), "_session": None, "_files": files, "_images": images}
