"""The built-in demo model and its demo run."""

from __future__ import annotations

from bridge.model.source import demo_model_folder as model_folder

__all__ = ["model_folder"]
