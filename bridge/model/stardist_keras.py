"""StarDist's own model in Keras, built from a configuration. What it is for needs TensorFlow."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError, MissingPartError


def build_stardist(config: dict[str, Any], source: Path, purpose: str, remedy: str) -> Any:
    """Build a StarDist model with untrained weights.

    Args:
        config: as :func:`bridge.model.config.complete_config` returns it.
        source: the file with the configuration, for errors.
        purpose: what TensorFlow is needed for (``"run a StarDist model"``).
        remedy: what to do about a configuration that StarDist cannot build.

    Returns:
        A ``StarDist2D`` or ``StarDist3D``.

    Raises:
        MissingPartError: TensorFlow or StarDist is not installed.
        BadInputError: StarDist cannot build it.
    """
    # TensorFlow prints a greeting on stderr before any of its options can be set.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow  # noqa: F401 - before StarDist, so that the error names it if both lack
        from stardist.models import Config2D, Config3D, StarDist2D, StarDist3D
        from stardist.rays3d import rays_from_json
    except ImportError as error:
        raise MissingPartError("segment", purpose, error.name or "TensorFlow") from error
    settings = dict(config)
    config_class, model_class = (
        (Config2D, StarDist2D) if config["n_dim"] == 2 else (Config3D, StarDist3D)
    )
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            if config["n_dim"] == 3 and "rays_json" in settings:
                settings["rays"] = rays_from_json(settings["rays_json"])
            return model_class(config_class(**settings), name="model", basedir=None)
        except (
            TypeError,
            ValueError,
            AssertionError,
            AttributeError,
            LookupError,
            RuntimeError,
        ) as error:
            raise BadInputError(
                source, f"describes a network that StarDist cannot build ({error})", remedy
            ) from error
