"""Results that a run of ilastik can give, by the names that ilastik has for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Export:
    """A result that is exported.

    Attributes:
        key: the name for users.
        source: ilastik's own name (``--export_source``).
        outputs: files of an image by format, ``{name}`` for the image's name.
        of_objects: whether it needs a project that classifies objects.
    """

    key: str
    source: str
    outputs: dict[str, str]
    of_objects: bool = False

    def files(self, name: str) -> dict[str, str]:
        """Return the files of an image of that name by format.

        >>> EXPORTS["objects"].files("a")
        {'h5': 'a_Object Predictions.h5', 'csv': 'a_table.csv'}
        """
        return {key: file.format(name=name) for key, file in self.outputs.items()}


EXPORTS = {
    export.key: export
    for export in (
        Export("probabilities", "Probabilities", {"h5": "{name}_Probabilities.h5"}),
        Export("segmentation", "Simple Segmentation", {"h5": "{name}_Simple Segmentation.h5"}),
        Export(
            "objects",
            "Object Predictions",
            {"h5": "{name}_Object Predictions.h5", "csv": "{name}_table.csv"},
            of_objects=True,
        ),
    )
}
"""Results by the names that users give."""
