"""``NAME.groovy``: a QuPath script that runs the model with its own settings."""

from __future__ import annotations

from pathlib import Path
from string import Template

from bridge.model.folder import ModelFolder

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

ENDING = ".groovy"


def script(model: ModelFolder, model_file: Path) -> str:
    """Return the script for a 2D model, which loads the frozen graph ``model_file``."""
    template = Template((Path(__file__).parent / "script.groovy.template").read_text("utf-8"))
    recipe = model.recipe
    channels = recipe.channel if isinstance(recipe.channel, tuple) else (recipe.channel,)
    optional = ""
    if recipe.pixel_size is not None:
        optional += f"    .pixelSize({recipe.pixel_size!r})\n"
    if model.n_classes:
        names = ", ".join(
            [f"0: {_quoted('Background')}"]
            + [f"{n}: {_quoted(f'Class {n}')}" for n in range(1, model.n_classes + 1)]
        )
        optional += f"    .classificationNames([{names}])\n"
    return template.substitute(
        name=model.file_name,
        model=_quoted(str(model_file.absolute())),
        file=_quoted(model_file.name),
        low=repr(float(recipe.percentiles[0])),
        high=repr(float(recipe.percentiles[1])),
        channels=_channels(channels, model.n_channels),
        prob=repr(float(recipe.prob)),
        optional=optional,
    )


def _channels(channels: tuple[int | str, ...], wanted: int) -> str:
    if len(channels) < wanted:  # a recipe that names none of several channels
        channels = tuple(range(wanted))
    if all(isinstance(channel, int) for channel in channels):
        return ", ".join(map(str, channels))
    # QuPath takes numbers or names, not both at once.
    return ", ".join(_quoted(c if isinstance(c, str) else f"Channel {c + 1}") for c in channels)


def _quoted(text: str) -> str:
    """Return a Groovy string in single quotes, in which a dollar sign has no meaning."""
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"
