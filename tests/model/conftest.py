"""Fixtures of models that come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.model.serving import ModelServer, serving


@pytest.fixture
def server(model_cache: object) -> Iterator[ModelServer]:
    """A web server on this computer; what is fetched goes into a cache of the test's own."""
    with serving() as running:
        yield running
