"""``NAME.ijm``: a Fiji macro that runs the model with its own settings.

Fiji's StarDist plugin normalises all channels of an image together (CSBDeep's percentiles) and has
no other way, so that a macro for channels that are normalised each for itself does it itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

from bridge.model.folder import ModelFolder

ENDING = ".ijm"


def script(model: ModelFolder, model_file: Path) -> str:
    """Return the script for a 2D model, which loads the SavedModel zip ``model_file``."""
    recipe = model.recipe
    several = model.n_channels > 1
    by_channel = several and recipe.normalize == "channels"
    channel = recipe.channel[0] if isinstance(recipe.channel, tuple) else recipe.channel
    text = _template("macro.ijm").substitute(
        name=model.file_name,
        model=_quoted(str(model_file.absolute())),
        file=_quoted(model_file.name),
        low=repr(float(recipe.percentiles[0])),
        high=repr(float(recipe.percentiles[1])),
        prob=repr(float(recipe.prob)),
        nms=repr(float(recipe.nms)),
        # The recipe counts from 0, ImageJ from 1; a model of several channels takes them all.
        channel=0 if several or isinstance(channel, str) else channel + 1,
        which_channels=_inputs(model) if several else _channel_name(channel),
        take_channels=_several_channels(model, by_channel=by_channel)
        if several
        else _template("macro_one_channel.ijm").template.rstrip(),
        plugin_normalizes="false" if by_channel else "true",
        pixel_size=repr(float(recipe.pixel_size or 0)),
    )
    return text + (_template("macro_normalize.ijm").template if by_channel else "")


def _channel_name(channel: int | str) -> str:
    name = _quoted(channel if isinstance(channel, str) else "")
    return f"channelName = {name};     // looked for in the slice labels"


def _inputs(model: ModelFolder) -> str:
    """Return the line that lists a network's channels, in its order."""
    chosen = model.recipe.channel
    channels = chosen if isinstance(chosen, tuple) else tuple(range(model.n_channels))
    names = ", ".join(_quoted(c if isinstance(c, str) else str(c + 1)) for c in channels)
    return f"inputs = newArray({names});     // these: from 1, or names in the slice labels"


def _several_channels(model: ModelFolder, *, by_channel: bool) -> str:
    """Return the steps that make a network's input of the active image."""
    check = ""
    if not isinstance(model.recipe.channel, tuple):
        check = (
            "if (channels != inputs.length) {\n\tclose();\n"
            '\texit("The image has " + channels + " channel(s), and the model takes "\n'
            '\t\t+ inputs.length + ": choose some of them, or another model.");\n}'
        )
    convert = "normalizePlane(percentileLow, percentileHigh);" if by_channel else 'run("32-bit");'
    text = _template("macro_several_channels.ijm").substitute(
        check_channels=check, normalize_plane=convert
    )
    return text.rstrip().replace("\n\n", "\n")


def _template(name: str) -> Template:
    return Template((Path(__file__).parent / f"{name}.template").read_text("utf-8"))


def _quoted(text: str) -> str:
    """Return a string of the macro language, with its quotes."""
    return json.dumps(text, ensure_ascii=False)
