"""Addresses: what is one, the file's name, and nothing secret in what is shown."""

from __future__ import annotations

import pytest

from bridge.model.address import file_name_of, is_address, without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://lab.org/a.zip", True),
        ("HTTP://lab.org/a.zip", True),
        ("ftp://lab.org/a.zip", True),
        ("C:\\models\\a.zip", False),
        ("C:/models/a.zip", False),
        ("models/a.zip", False),
        ("2D_demo", False),
    ],
)
def test_an_address_is_told_from_a_path(text: str, expected: bool) -> None:
    assert is_address(text) == expected


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://lab.org/models/python_2D_demo.zip", "python_2D_demo.zip"),
        ("https://lab.org/models/my%20model.zip?download=1", "my model.zip"),
        ("https://archive.org/records/1/files/model.zip/content", "model.zip"),
        ("https://lab.org/download/1234", "1234"),
        ("https://lab.org/", "lab.org"),
        ("https://lab.org/..%2F..%2Fevil.zip", "_.._evil.zip"),
    ],
)
def test_the_file_has_the_name_that_the_address_gives(address: str, name: str) -> None:
    assert file_name_of(address) == name


def test_passwords_and_signatures_are_not_shown() -> None:
    shown = without_secrets("https://me:secret@lab.org:8443/a.zip?X-Signature=abc#part")

    assert shown == "https://lab.org:8443/a.zip"
