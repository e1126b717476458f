"""``NAME.ijm``: starbridge's macro for Fiji's StarDist plugin, with the model's own settings."""

from __future__ import annotations

from pathlib import Path

from bridge.model.fiji_macro import MacroModel, read_macro, render_macro
from bridge.model.folder import ModelFolder

ENDING = ".ijm"

_ZIP = ".tf1.15.zip"


def script(model: ModelFolder, model_file: Path) -> str:
    """Return the script for a 2D model.

    It is the same for both TensorFlows: it names the zip of TensorFlow 1.15 in the folder of
    ``model_file``, and when it runs takes that of 1.12 where the other one is not there.
    """
    zip_path = model_file.absolute().with_name(f"{model.file_name}{_ZIP}")
    return render_macro(read_macro(), MacroModel.from_folder(model), str(zip_path))
