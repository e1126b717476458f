"""The ImageJ macro that runs Fiji's StarDist plugin with the recipe of a model.

There is one macro, ``stardist_haug2.ijm``, for one image, a folder or the active image;
stardist_haug2 is one recipe of it. The macro of another model is the same text with other defaults
and another name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.packaged import own_folder
from bridge.model.config import complete_config
from bridge.model.export_settings import ExportSettings
from bridge.model.folder import ModelFolder
from bridge.model.macro_settings import with_defaults
from bridge.model.recipe import Recipe

MACRO = "stardist_haug2.ijm"
"""File name of the macro from which all others are made."""

_NAME = MACRO.removesuffix(".ijm")
_BORDER = 2  # StarDist trusts no object centred in the outermost two predictions
_AGAIN = "export the model again"


@dataclass(frozen=True)
class MacroModel:
    """A model as its macro needs to know it.

    Attributes:
        name: its name, which is that of the macro.
        recipe: the settings with which it is applied.
        channels: channels that its network takes.
        grid: (y, x) pixels between neighbouring predictions.
    """

    name: str
    recipe: Recipe
    channels: int = 1
    grid: tuple[int, ...] = (1, 1)

    @classmethod
    def from_folder(cls, model: ModelFolder) -> MacroModel:
        """Return what the macro of a 2D model needs."""
        return cls(model.file_name, model.recipe, model.n_channels, model.grid)

    @classmethod
    def from_export(cls, name: str, settings: ExportSettings, source: Path) -> MacroModel:
        """Return what the macro of an exported model needs.

        Args:
            name: the model's name.
            settings: what the exported file carries.
            source: the exported file, for errors.

        Raises:
            BadInputError: settings that are missing or impossible, or a 3D model.
        """
        if settings.config is None or settings.missing:
            what = ", ".join(settings.missing) or "config.json"
            raise BadInputError(source, f"does not hold the model's {what}", _AGAIN)
        config = complete_config(settings.config, source)
        if config["n_dim"] != 2:
            raise BadInputError(source, "is a 3D model", "the plugin segments planes only")
        recipe = Recipe.from_json(settings.recipe, source)
        return cls(name, recipe, int(config["n_channel_in"]), tuple(config["grid"]))


def read_macro() -> str:
    """Return the text of stardist_haug2.ijm.

    Raises:
        BadInputError: it is not there, or cannot be read.
    """
    path = own_folder("macros", ".ijm", "macro") / MACRO
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            path, f"cannot be read ({error})", "install starbridge again"
        ) from error


def render_macro(text: str, model: MacroModel, zip_path: str) -> str:
    """Return the macro of a model.

    Args:
        text: stardist_haug2.ijm, as :func:`read_macro` returns it.
        model: the model.
        zip_path: the exported zip that the macro loads; ``""``: the user chooses one.

    >>> macro = render_macro(read_macro(), MacroModel("demo", Recipe(prob=0.6)), "demo.tf1.15.zip")
    >>> "// demo.ijm: finds nuclei" in macro
    True
    """
    recipe = model.recipe
    settings: dict[str, str | bool | float] = {
        "model_file": zip_path,
        "input_channels": list_channels(recipe, model.channels),
        "normalize_each": recipe.normalize != "joint",
        "percentile_low": float(recipe.percentiles[0]),
        "percentile_high": float(recipe.percentiles[1]),
        "prob_threshold": float(recipe.prob),
        "nms_threshold": float(recipe.nms),
        "pixel_size": recipe.pixel_size or 0,
        # the plugin counts pixels, StarDist predictions
        "border_width": _BORDER * max(model.grid),
    }
    # ImageJ reads macros in the encoding of the computer
    name = model.name.encode("ascii", "replace").decode().replace("?", "_")
    # before the settings, as a folder may have the name of stardist_haug2
    text = text.replace(_NAME, name).replace(_NAME.replace("_", " "), name.replace("_", " "))
    return with_defaults(text, settings)


def list_channels(recipe: Recipe, count: int) -> str:
    """Return the channels that a network takes as the macro's setting lists them, from 1.

    Args:
        recipe: the model's recipe, which counts from 0.
        count: channels that the network takes.

    >>> list_channels(Recipe(channel=(2, "DAPI")), 2)
    '3,DAPI'
    >>> list_channels(Recipe(), 3)
    'all 3'
    """
    chosen = recipe.channel
    if not isinstance(chosen, tuple):
        if count > 1:
            return f"all {count}"
        chosen = (chosen,)
    texts = [_channel(channel) for channel in chosen]
    if not any("," in text for text in texts):
        return ",".join(texts)
    # a semicolon at the end says that the comma does not part two channels
    return ";".join(texts) + (";" if len(texts) == 1 else "")


def _channel(channel: int | str) -> str:
    text = str(channel).strip()
    if text.isdecimal():
        return str(int(text) + 1)
    # a part of a name is enough
    return max(text.split(";"), key=len).strip()
