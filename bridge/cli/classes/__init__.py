"""``starbridge classes``: learn classes of objects from some, and give them to all others."""

from __future__ import annotations

from collections.abc import Callable

import typer

from bridge.cli.classes.apply import apply
from bridge.cli.classes.crops import crops
from bridge.cli.classes.review import review
from bridge.cli.classes.train import train

app = typer.Typer(
    help="Classes of objects, learned from those that people classed.", no_args_is_help=True
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "apply": apply,
    "crops": crops,
    "review": review,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
