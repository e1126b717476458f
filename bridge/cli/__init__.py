"""The command ``starbridge``."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from bridge.cli.aggregate import aggregate
from bridge.cli.classes import app as classes
from bridge.cli.convert import convert
from bridge.cli.demo import app as demo
from bridge.cli.doctor import doctor
from bridge.cli.evaluate import evaluate
from bridge.cli.export import export
from bridge.cli.fiji import app as fiji
from bridge.cli.ilastik import app as ilastik
from bridge.cli.images import images
from bridge.cli.import_model import import_file
from bridge.cli.measure import measure
from bridge.cli.models import app as models
from bridge.cli.output import note
from bridge.cli.pairs import pairs
from bridge.cli.pixels import app as pixels
from bridge.cli.qupath import app as qupath
from bridge.cli.repair import repair_files
from bridge.cli.segment import segment
from bridge.cli.select import select
from bridge.cli.stopping import stopped_by_signals
from bridge.cli.track import track
from bridge.cli.train import train
from bridge.cli.verify import verify_files
from bridge.cli.volume import app as volume
from bridge.errors import StarbridgeError

app = typer.Typer(
    help="StarDist nuclei, from a microscope image to Fiji, QuPath and Excel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the coloured help would cost twice the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "images": images,
    "segment": segment,
    "convert": convert,
    "measure": measure,
    "track": track,
    "select": select,
    "aggregate": aggregate,
    "evaluate": evaluate,
    "pairs": pairs,
    "train": train,
    "export": export,
    "verify": verify_files,
    "import": import_file,
    "repair": repair_files,
    "doctor": doctor,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
_GROUPS = {
    "models": models,
    "pixels": pixels,
    "classes": classes,
    "volume": volume,
    "fiji": fiji,
    "qupath": qupath,
    "ilastik": ilastik,
    "demo": demo,
}
for name, group in _GROUPS.items():
    app.add_typer(group, name=name)


def _version(wanted: bool) -> None:
    if wanted:
        import bridge

        typer.echo(bridge.__version__)
        raise typer.Exit


@app.callback()
def _main(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more about what is done, on stderr.")
    ] = False,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("bridge").setLevel(level)


def main() -> None:
    """Run the command; whatever a person can mend is one line on stderr and exit status 2."""
    # The system frees the memory of a process at once; Python would look through all objects of
    # all libraries for cycles first, which takes half a second where Numba is loaded.
    atexit.register(gc.freeze)
    with stopped_by_signals():
        try:
            app(standalone_mode=True)
        except StarbridgeError as error:
            note(str(error))
            sys.exit(2)
