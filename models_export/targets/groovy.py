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
    optional = imports = ""
    if recipe.pixel_size is not None:
        optional += f"    .pixelSize({recipe.pixel_size!r})\n"
    if model.n_classes:
        # QuPath counts these to find the classes in the tensor, so background must be among them;
        # by default it drops nuclei that are most probably background (StarDist2D.java, 0.3 on).
        imports = "\nimport qupath.lib.objects.classes.PathClass"
        names = "".join(
            f",\n        {n}: PathClass.fromString({_quoted(recipe.class_name(n))})"
            for n in range(1, model.n_classes + 1)
        )
        optional += f"    .classifications([\n        0: null{names}\n    ])\n"
        optional += "    .keepClassifiedBackground(true)\n"
    return template.substitute(
        name=model.file_name,
        model=_quoted(str(model_file.absolute())),
        file=_quoted(model_file.name),
        low=repr(float(recipe.percentiles[0])),
        high=repr(float(recipe.percentiles[1])),
        # QuPath's own default is all channels together.
        per_channel="false" if recipe.normalize == "joint" else "true",
        imports=imports,
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
