"""The models that StarDist's authors publish.

Names, addresses, hashes and aliases are those that StarDist registers
(``stardist/models/__init__.py`` of 0.9.2; a test compares them); the aliases are what Fiji's menu
shows. What they were trained on is said in StarDist's README, section "Pretrained Models for 2D".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_RELEASE = "https://github.com/stardist/stardist-models/releases/download/v0.1/"
_SIMILARITY = 0.6  # 0 to 1, of difflib: a letter or two that are wrong, or a part that is missing


@dataclass(frozen=True)
class PublishedModel:
    """A model that can be asked for by its name.

    Attributes:
        name: its name.
        sha256: hash (hexadecimal) of its zip.
        purpose: the images that it is for, and what it was trained on.
        aliases: other names of it.
        n_dim: spatial axes, 2 or 3.
    """

    name: str
    sha256: str
    purpose: str
    aliases: tuple[str, ...] = ()
    n_dim: int = 2

    @property
    def file_name(self) -> str:
        """Name of its zip, as it is published."""
        return f"python_{self.name}.zip"

    @property
    def address(self) -> str:
        """Address of its zip."""
        return _RELEASE + self.file_name


PUBLISHED = (
    PublishedModel(
        "2D_versatile_fluo",
        "4ad678d0758eed6e55625f1b5ae30771e59adb79f1239e09b9772eac8846c3dd",
        "fluorescent nuclei, one channel; trained on a part of the 2018 Data Science Bowl",
        ("Versatile (fluorescent nuclei)",),
    ),
    PublishedModel(
        "2D_versatile_he",
        "f1696ef0631bd7e1c0e5c0d3017e2b4c6a95e284c6aab9c22fc2f08317817b28",
        "nuclei in H&E, RGB images; trained on MoNuSeg 2018 and TNBC",
        ("Versatile (H&E nuclei)",),
    ),
    PublishedModel(
        "2D_paper_dsb2018",
        "4c11cf68512341d9e8ce3d1278c64ceb8ac400582739f85fcab079a2e82840d2",
        "fluorescent nuclei, as in StarDist's paper; trained on the same images",
        ("DSB 2018 (from StarDist 2D paper)",),
    ),
    PublishedModel(
        "2D_demo",
        "a1efaebd7103db6236655bf158b6e21cf5b38d58ec77a509802244a89a260fa4",
        "trying StarDist's examples, not for real images",
    ),
    PublishedModel(
        "3D_demo",
        "ea05831eb5acc8a2fd31eaa23f4460a196a9af53b14f40affb9d80885f699f90",
        "trying StarDist's examples on volumes, not for real images",
        n_dim=3,
    ),
)
"""All of them, the most used first."""


def find_published(name: str) -> PublishedModel | None:
    """Find a published model by its name or an alias.

    >>> find_published("Versatile (H&E nuclei)").name
    '2D_versatile_he'
    """
    return next((m for m in PUBLISHED if name == m.name or name in m.aliases), None)


def suggest_name(text: str, more: Iterable[str] = ()) -> str | None:
    """Return the name of a model that a misspelled one may mean.

    Args:
        text: what was typed.
        more: names beside those of :data:`PUBLISHED`.

    >>> suggest_name("2d_versatile_flou"), suggest_name("my own model")
    ('2D_versatile_fluo', None)
    """
    names = {alias.casefold(): alias for model in PUBLISHED for alias in model.aliases}
    names |= {name.casefold(): name for name in (*(m.name for m in PUBLISHED), *more)}
    typed = text.casefold().removesuffix(".zip").removeprefix("python_")
    close = get_close_matches(typed, names, n=1, cutoff=_SIMILARITY)
    return names[close[0]] if close else None
