"""Addresses (URLs) of models."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from bridge.files.names import safe_name

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_MODEL_FILE = re.compile(r"\.(zip|pb|onnx)$", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Tell whether a text is a URL.

    >>> is_address("https://lab.org/model.zip"), is_address("C:/model.zip")
    (True, False)
    """
    return _ADDRESS.match(text) is not None


def without_secrets(address: str) -> str:
    """Return an address as it may be shown and recorded: without password and signature.

    >>> without_secrets("https://me:secret@lab.org/model.zip?signature=abc")
    'https://lab.org/model.zip'
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def file_name_of(address: str) -> str:
    """Return the name of the file behind an address.

    It is the last part of the path that ends as a model file does: archives give files out as
    ``…/files/model.zip/content``.

    >>> file_name_of("https://lab.org/files/my%20model.zip/content?download=1")
    'my model.zip'
    """
    parts = [safe_name(unquote(part)) for part in urlsplit(address).path.split("/")]
    named = [part for part in parts if _MODEL_FILE.search(part)] or [p for p in parts if p]
    return named[-1] if named else safe_name(urlsplit(address).hostname or "") or "model"
