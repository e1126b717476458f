"""The built-in demo model: its data and card, its demo run, its training and its simulator."""

from __future__ import annotations

from bridge.model.source import demo_model_folder as model_folder

__all__ = ["model_folder"]
