"""Errors of a run of ilastik."""

from __future__ import annotations

from bridge.errors import StarbridgeError


class IlastikError(StarbridgeError):
    """An ilastik that does not start, or does not do its work."""


class IlastikTimeoutError(IlastikError):
    """An ilastik that took too long and was ended."""


class IlastikStartError(IlastikError):
    """An ilastik that cannot be started at all."""


class ProjectError(IlastikError):
    """A project that ilastik can run on no image."""
