"""Volumes: µm along every axis, read slab by slab, prepared for ilastik, cleaned up, as meshes."""

from bridge.volumes.provenance import Provenance
from bridge.volumes.volume import Volume, open_volume

__all__ = ["Provenance", "Volume", "open_volume"]
