"""Tests of bridge.volumes.meshes."""
