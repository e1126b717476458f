"""``NAME.groovy``: a QuPath script that runs this very model with its own settings."""

from __future__ import annotations

from pathlib import Path
from string import Template

from bridge.files.atomic import write_bytes
from models_export.source import Source

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_groovy(source: Source, model_file: Path, path: Path) -> None:
    """Write the script for a 2D model.

    Args:
        source: the model.
        model_file: the frozen graph that the script loads.
        path: the .groovy to write.

    Raises:
        BadInputError: the file cannot be written.
    """
    template = Template((Path(__file__).parent / "script.groovy.template").read_text("utf-8"))
    recipe = source.recipe
    channels = recipe.channel if isinstance(recipe.channel, tuple) else (recipe.channel,)
    optional = ""
    if recipe.pixel_size is not None:
        optional += f"    .pixelSize({recipe.pixel_size!r})\n"
    if source.n_classes:
        names = ", ".join(
            [f"0: {_quoted('Background')}"]
            + [f"{n}: {_quoted(f'Class {n}')}" for n in range(1, source.n_classes + 1)]
        )
        optional += f"    .classificationNames([{names}])\n"
    text = template.substitute(
        name=source.name,
        model=_quoted(str(model_file.absolute())),
        file=_quoted(model_file.name),
        low=repr(float(recipe.percentiles[0])),
        high=repr(float(recipe.percentiles[1])),
        channels=_channels(channels, source.n_channels),
        prob=repr(float(recipe.prob)),
        optional=optional,
    )
    write_bytes(path, text.encode("utf-8"))


def _channels(channels: tuple[int | str, ...], wanted: int) -> str:
    if len(channels) < wanted:  # a recipe that names none of several channels
        channels = tuple(range(wanted))
    if all(isinstance(channel, int) for channel in channels):
        return ", ".join(map(str, channels))
    # QuPath takes numbers or names, not both at once.
    return ", ".join(_quoted(c if isinstance(c, str) else f"Channel {c + 1}") for c in channels)


def _quoted(text: str) -> str:
    """A string of Groovy in single quotes, in which a dollar sign is a dollar sign."""
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"
