"""Take the names of files apart: clone, day, organoid, slice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import PurePath

from bridge.errors import BadInputError

PUBLISHED_PATTERN = "{clone}_{diff}_{day}_{immuno}_{objective}_{imaging}_{organoid}_{slice}"
"""Pattern of the published study's names, such as ``Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1``."""

# ilastik writes NAME_table.csv, for an image in an HDF5 file NAME-DATASET_table.csv, and
# NAME_Object Predictions.h5 and the like; the other words are starbridge's, Fiji's and QuPath's.
_ENDING = re.compile(
    r"""(?<=.)(?:
    \.(?:csv|tsv|txt|parquet|xlsx|geojson|json|zip|roi|gz|ome|tiff?|btf|h5|hd5|hdf5|ilp|zarr|png|jpg)
    |[_\-\s]+(?:
        table|(?:blockwise[ _])?object[ _](?:predictions|probabilities)|object[ _]identities
        |simple[ _]segmentation|pixel[ _]predictions[ _]map|exported[ _]data
        |labels?|masks?|classes|rois|objects|detections|measurements|reviewed|review|image|data|csv
    ))$""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")


def base_name(path: str | PathLike[str]) -> str:
    """Return the name of the section that a file belongs to.

    Endings of files and words that programs append behind ``_``, ``-`` or a blank are removed one
    after the other, in upper or lower case, as long as something is left.

    >>> base_name("/data/Pa_dQ_OG1_s1_labels-labels_Table.csv")
    'Pa_dQ_OG1_s1'
    """
    name = PurePath(path).name
    while True:
        shorter = _ENDING.sub("", name)
        if shorter == name:
            return name
        name = shorter


@dataclass(frozen=True)
class NamePattern:
    """The composition of file names.

    Attributes:
        text: the pattern as it was written.
        fields: names of the fields in their order, in small letters.

    >>> NamePattern.parse("{clone}_{slice}").match("Pa_s1")
    {'clone': 'Pa', 'slice': 's1'}
    """

    text: str
    fields: tuple[str, ...]
    _expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> NamePattern:
        r"""Parse a pattern.

        Args:
            text: a template such as ``{clone}_{day}_{slice}``, in which a field holds at least one
                character and neither the text before nor the text behind it, so that a name with
                more or fewer separators does not fit; or a regular expression with named groups,
                ``(?P<clone>..)_(?P<day>J\d+)``, that must fit the whole name.

        Raises:
            BadInputError: no field, a field twice, two fields with nothing between them, or no
                regular expression.
        """
        is_regex = "(?P<" in text
        source, names = (text, []) if is_regex else _from_template(text)
        try:
            expression = re.compile(source, re.DOTALL)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadInputError(
                text, f"is no regular expression ({error})", "check brackets and group names"
            ) from error
        if is_regex:
            names = list(expression.groupindex)
        fields = tuple(name.strip().lower() for name in names)
        if not fields:
            raise BadInputError(
                text or "--pattern", "has no field", "write fields in braces: {clone}_{slice}"
            )
        twice = next((name for name in fields if fields.count(name) > 1), None)
        if twice is not None:
            raise BadInputError(text, f"has the field {twice!r} twice", "give them different names")
        return cls(text, fields, expression)

    def match(self, name: str) -> dict[str, str] | None:
        """Split a name, as :func:`base_name` gives it, into its fields.

        Returns:
            Text by field, empty for an optional group that is not there; ``None`` where the name
            does not fit.
        """
        found = self._expression.fullmatch(name)
        if found is None:
            return None
        # A template's groups have numbers, since a field may have a blank in its name.
        numbers = self._expression.groupindex.values() or range(1, len(self.fields) + 1)
        return {
            field: found[number] or "" for field, number in zip(self.fields, numbers, strict=True)
        }


def field_title(field: str) -> str:
    """Return the title of a field's column.

    >>> field_title("passage_number")
    'Passage number'
    """
    words = field.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts numbers in names by their value.

    >>> sorted(["s10", "s2"], key=natural_key)
    ['s2', 's10']
    """
    parts = re.split(r"([0-9]+)", text.casefold())
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return key, text


def _from_template(text: str) -> tuple[str, list[str]]:
    """Return a template as a regular expression with a group a field, and the fields."""
    pieces = re.split(r"\{([^{}]*)\}", text)
    literals, fields = pieces[::2], pieces[1::2]
    for literal in literals:
        if "{" in literal or "}" in literal:
            raise BadInputError(text, "has a brace without its partner", "write {clone}_{slice}")
    for field in fields:
        if not _FIELD.fullmatch(field.strip()):
            raise BadInputError(
                text, f"has a field called {field!r}", "use letters and digits: {clone}"
            )
    separators = literals[1:-1]
    if "" in separators:
        place = separators.index("")
        raise BadInputError(
            text,
            f"has nothing between {fields[place]!r} and {fields[place + 1]!r}",
            "put the text between them that the names have, or use a regular expression",
        )
    expression = re.escape(literals[0])
    for number, literal in enumerate(literals[1:]):
        beside = dict.fromkeys(separators[max(number - 1, 0) : number + 1])
        barred = "|".join(re.escape(separator) for separator in beside)
        expression += (rf"((?:(?!{barred}).)+)" if barred else "(.+)") + re.escape(literal)
    return expression, fields
