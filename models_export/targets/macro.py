"""``NAME.ijm``: a Fiji macro that runs the model with its own settings."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from bridge.model.folder import ModelFolder

ENDING = ".ijm"


def script(model: ModelFolder, model_file: Path) -> str:
    """Return the script for a 2D model, which loads the SavedModel zip ``model_file``."""
    template = Template((Path(__file__).parent / "macro.ijm.template").read_text("utf-8"))
    recipe = model.recipe
    channel = recipe.channel
    several = isinstance(channel, tuple)
    return template.substitute(
        name=model.file_name,
        model=_quoted(str(model_file.absolute())),
        file=_quoted(model_file.name),
        low=repr(float(recipe.percentiles[0])),
        high=repr(float(recipe.percentiles[1])),
        prob=repr(float(recipe.prob)),
        nms=repr(float(recipe.nms)),
        # The recipe counts from 0, ImageJ from 1; a model of several channels takes them all.
        channel=0 if several or isinstance(channel, str) else int(str(channel)) + 1,
        channel_name=_quoted(channel if isinstance(channel, str) else ""),
        pixel_size=repr(float(recipe.pixel_size or 0)),
    )


def _quoted(text: str) -> str:
    """Return a string of the macro language, with its quotes."""
    return json.dumps(text, ensure_ascii=False)
