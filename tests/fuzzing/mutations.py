"""Ways to damage a file, each the same for the same random numbers."""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]

NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**64 - 1)

_DEEP = "[" * 3_000 + "]" * 3_000
JSON_VALUES = (
    "null", "true", "0", "-1", "0.5", "1e400", "-1e400", "NaN", "Infinity", "1e300", "-0.0",
    str(2**31), str(2**53 + 1), str(2**64), "9" * 400, '""', '"\\ud800"', '"\\udc00x"',
    '"a\\u0000b"',
    '"=1"', "[]", "{}", "[[]]", "[null]", "[1, 2]", "[[[0, 0], [0, 0], [0, 0], [0, 0]]]", _DEEP,
    '{"name": null}', '{"name": ["a"], "color": [1e400, -1, null]}', '"' + "x" * 70_000 + '"',
)  # fmt: skip
"""Values that some program may write, and some that none does."""

_ENTRIES = ["../a.roi", "/a.roi", "a\0.roi", "a/", "x" * 300]

CELLS = (
    "", " ", "nan", "inf", "-inf", "1e400", "NA", "abc", "-1", "0.5", str(2**64), "9" * 400, "=1",
    '"', '"a', "a\nb", "a\0b", "\ud7ff", "POINT (1 1)", "POLYGON EMPTY", "POLYGON ((nan nan, 1 1,"
    " 2 2, nan nan))", "POLYGON ((0 0, 1 1, 0 0, 0 0))", "POLYGON ((0 0, 1e300 1, 5 5, 0 0))",
    "GEOMETRYCOLLECTION (" * 300, "red", "TRUE", ",", ";", "\t", "x" * 70_000,
)  # fmt: skip


def any_of(*mutations: Mutation) -> Mutation:
    """Choose one of several ways for each file."""

    def mutate(data: bytes, random: Random) -> bytes:
        return mutations[int(random.integers(len(mutations)))](data, random)

    return mutate


def damage(data: bytes, random: Random) -> bytes:
    """Flip, overwrite, take away, repeat or insert bytes, at one to four places."""
    content = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        if not content:
            break
        start = int(random.integers(len(content)))
        # In the beginning and at the end are the structures of most formats.
        where = int(random.integers(3))
        if where == 0:
            start = min(start, int(random.integers(1, 513)))
        elif where == 1:
            start = max(start, len(content) - int(random.integers(1, 513)))
        size = int(random.integers(1, 33))
        match int(random.integers(7)):
            case 0:
                content[start] ^= 1 << int(random.integers(8))
            case 1:
                content[start : start + size] = random.bytes(size)
            case 2:
                del content[start : start + size]
            case 3:
                del content[start:]
            case 4:
                content[start:start] = content[start : start + size * 8]
            case 5:
                value = int(random.choice(np.array(NUMBERS, np.uint64)))
                form = str(random.choice([f"{order}{code}" for order in "<>" for code in "BHIQ"]))
                packed = struct.pack(form, value % 2 ** (8 * struct.calcsize(form)))
                content[start : start + len(packed)] = packed
            case _:
                content[start:start] = random.bytes(size)
    return bytes(content)


def change_json(data: bytes, random: Random) -> bytes:
    """Replace, repeat or take away a few values of a JSON document."""
    document = json.loads(data)
    marks: dict[str, str] = {}
    for number in range(int(random.integers(1, 4))):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = keys[int(random.integers(len(keys)))]
            if isinstance(place[key], (dict, list)) and place[key] and random.random() < 0.85:
                place = place[key]
                continue
            match int(random.integers(8)):
                case 0:
                    del place[key]
                case 1 if isinstance(place, list):
                    place.append(place[key])
                case 2 if isinstance(place, dict):
                    place[str(random.choice(["z", "label", "nucleus", "id", "image"]))] = place[key]
                case _:
                    mark = f"@{number}@"
                    marks[f'"{mark}"'] = JSON_VALUES[int(random.integers(len(JSON_VALUES)))]
                    place[key] = mark
            break
    text = json.dumps(document)
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text.encode("utf-8", "surrogatepass")


def change_cells(data: bytes, random: Random) -> bytes:
    """Overwrite cells and titles of a CSV, repeat rows, or change its encoding or delimiter."""
    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
    for _ in range(int(random.integers(1, 4))):
        row = lines[0 if random.random() < 0.2 else int(random.integers(len(lines)))]
        place = int(random.integers(len(row)))
        match int(random.integers(8)):
            case 0:
                del row[place]
            case 1:
                row.insert(place, "1")
            case 2:
                lines.append(row)
            case _:
                row[place] = CELLS[int(random.integers(len(CELLS)))]
    delimiter = str(random.choice([",", ",", ",", ";", "\t"]))
    encoding = str(random.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"]))
    stream = io.StringIO(newline="")
    if random.random() < 0.9:
        csv.writer(stream, delimiter=delimiter).writerows(lines)
    else:  # as programs write that quote nothing
        stream.write("\n".join(delimiter.join(row) for row in lines))
    text = stream.getvalue()
    return text.encode(encoding, "replace")


def change_zip(inside: Mutation) -> Mutation:
    """Damage entries of a zip, their sizes and names; now and then add one that unpacks to much."""

    def mutate(data: bytes, random: Random) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
            comment = archive.comment
        stream = io.BytesIO()
        chosen = int(random.integers(len(entries)))
        with zipfile.ZipFile(stream, "w") as archive:
            for number, (name, content) in enumerate(entries):
                kept, named = content, name
                if number == chosen:
                    match int(random.integers(8)):
                        case 0:
                            named = str(random.choice(_ENTRIES))
                        case 1:
                            kept = b""
                        case 2:
                            packed = zipfile.ZIP_DEFLATED
                            archive.writestr(f"b{name}", bytes(100 * 2**20), packed, 1)
                        case _:
                            kept = inside(content, random)
                archive.writestr(named, kept)
            archive.comment = inside(comment, random) if random.random() < 0.1 else comment
        return stream.getvalue()

    return mutate
