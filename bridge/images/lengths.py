"""Lengths that a person types, in µm or in pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bridge.errors import BadInputError

# µm is on keyboards with the micro sign and in Greek texts with the letter mu.
_LENGTH = re.compile(r"(\d+\.?\d*|\.\d+)\s*(um|µm|μm|px)")


@dataclass(frozen=True)
class Length:
    """A length above 0 in µm or in pixels."""

    value: float
    unit: Literal["µm", "px"]

    @classmethod
    def parse(cls, text: str, option: str, what: str, example: str) -> Length:
        """Read a text such as ``3um``, ``2.5 µm`` or ``8px``.

        Args:
            text: what a person gave.
            option: named in errors.
            what: what the text is not, in errors: "no distance".
            example: of what to give.

        Raises:
            BadInputError: anything but a number above 0 with um or px behind it.

        >>> Length.parse("15um", "--max-distance", "no distance", "15um")
        Length(value=15.0, unit='µm')
        """
        found = _LENGTH.fullmatch(text.strip().lower())
        if found is None or float(found[1]) == 0:
            raise BadInputError(option, f"{text!r} is {what}", f"give {example}")
        return cls(float(found[1]), "px" if found[2] == "px" else "µm")
