"""``NAME.ijm``: a Fiji macro that runs this very model with its own settings."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from bridge.files.atomic import write_bytes
from models_export.source import Source


def write_macro(source: Source, model_file: Path, path: Path) -> None:
    """Write the macro for a 2D model.

    Args:
        source: the model.
        model_file: the SavedModel zip that the macro loads.
        path: the .ijm to write.

    Raises:
        BadInputError: the file cannot be written.
    """
    template = Template((Path(__file__).parent / "macro.ijm.template").read_text("utf-8"))
    recipe = source.recipe
    channel = recipe.channel
    several = isinstance(channel, tuple)
    text = template.substitute(
        name=source.name,
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
    write_bytes(path, text.encode("utf-8"))


def _quoted(text: str) -> str:
    """A string of the macro language, with its quotes."""
    return json.dumps(text, ensure_ascii=False)
