"""Calls of ilastik without its window: its arguments, its environment, its log."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.apps.ilastik.errors import IlastikTimeoutError, ProjectError
from bridge.apps.ilastik.explaining import explain
from bridge.apps.ilastik.exports import Export
from bridge.apps.ilastik.finding import IlastikApp
from bridge.apps.ilastik.handing_over import HandedImage
from bridge.apps.ilastik.process import run_program
from bridge.errors import BadInputError
from bridge.files.threads import cores
from bridge.images.locations import Location

_THREADS = "LAZYFLOW_THREADS"
_MEMORY = "LAZYFLOW_TOTAL_RAM_MB"
_NO_WAIT: Callable[[], None] = lambda: None  # noqa: E731


@dataclass(frozen=True)
class Ilastik:
    """An ilastik that is run without its window.

    Attributes:
        app: the program.
        timeout: seconds that a run may take; no limit where ``None``.
        at_once: how many run at the same time, which share cores and memory.
    """

    app: IlastikApp
    timeout: float | None = None
    at_once: int = 1

    def export(
        self,
        project: Path,
        export: Export,
        image: HandedImage,
        labels: HandedImage | None,
        *,
        source: Location,
        output: Path,
        log: Path,
        on_wait: Callable[[], None] = _NO_WAIT,
    ) -> None:
        """Export a result of one image.

        Args:
            project: the project, which is opened for reading only.
            export: the result.
            image: the image.
            labels: its label image, for objects.
            source: the image's file, for errors.
            output: HDF5 file to write; a table gets its name with ``_table.csv``.
            log: file that gets what ilastik prints.
            on_wait: see :func:`bridge.apps.ilastik.process.run_program`.

        Raises:
            BadInputError: ilastik does not take the image.
            ProjectError: ilastik does not take the project, whatever the image.
            IlastikError: it cannot be started, or took too long.
        """
        roles = [image] if labels is None else [image, labels]
        arguments = [
            f"--export_source={export.source}",
            "--output_format=hdf5",
            f"--output_filename_format={output}",
            f"--output_axis_order={image.output_axes.lower()}",
            f"--input_axes={','.join(role.axes.lower() for role in roles)}",
            "--raw_data",
            image.argument,
        ]
        if labels is not None:
            arguments += [f"--table_filename={output.with_suffix('.csv')}"]
            arguments += ["--label_image", labels.argument]
        self._run(project, arguments, source=source, log=log, on_wait=on_wait)

    def train(self, project: Path, *, source: Path, log: Path) -> None:
        """Train the classifier of a project, and store it in it.

        Args:
            project: the project, which is written.
            source: the project that the user gave, for errors.
            log: file that gets what ilastik prints.

        Raises:
            ProjectError: it cannot be trained.
            IlastikError: ilastik cannot be started, or took too long.
        """
        try:
            self._run(project, ["--retrain", "--readonly=0"], source=source, log=log)
        except BadInputError as error:
            raise ProjectError(str(error)) from error
        except IlastikTimeoutError as error:
            raise ProjectError(f"{source}: {error} (its log: {log})") from error

    def _run(
        self,
        project: Path,
        arguments: list[str],
        *,
        source: Location,
        log: Path,
        on_wait: Callable[[], None] = _NO_WAIT,
    ) -> None:
        opened = ["--headless", f"--project={project.absolute()}"]
        log.parent.mkdir(parents=True, exist_ok=True)
        status = run_program(
            [self.app.launcher, *opened, *arguments],
            log=log,
            folder=log.parent,
            environment=self._environment(),
            timeout=self.timeout,
            on_wait=on_wait,
        )
        if status != 0:
            why = explain(log, status)
            problem = f"{why.problem} (its log: {log})"
            if why.of_project:
                raise ProjectError(str(BadInputError(project, problem, why.remedy)))
            raise BadInputError(source, problem, why.remedy)

    def _environment(self) -> dict[str, str]:
        """Return what shares out cores and memory; what the user has set is kept."""
        if self.at_once < 2:
            return {}
        import psutil

        memory = psutil.virtual_memory().available // 2**20
        shares = {
            _THREADS: max(1, cores() // self.at_once),
            _MEMORY: max(1024, memory // self.at_once),
        }
        return {name: os.environ.get(name, str(share)) for name, share in shares.items()}
