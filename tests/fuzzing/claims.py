"""Headers that claim planes which no file of their size holds."""

from __future__ import annotations

import io
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.fuzzing.mutations import Random

SIZES = (0, 1, 5_000, 2**15, 2**16 - 1, 2**16, 2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Sizes of an axis, of planes small and impossible, and of a few that some file holds."""

_TIFF_SIZES = (256, 257, 277, 278, 322, 323)
"""Width, height, samples, rows of a strip, width and height of a tile."""

_CZI_PLACE = struct.Struct("<4siIfI")
"""Dimension, start, size, start coordinate and stored size of a tile (DimensionEntryDV1)."""


def claim_tiff(data: bytes, random: Random) -> bytes:
    """Overwrite sizes in the headers of a TIFF, or in its description."""
    content = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        order = file.byteorder
        page: Any = file.pages[int(random.integers(len(file.pages)))]
        tags = [page.tags[code] for code in _TIFF_SIZES if code in page.tags]
        for tag in random.permutation(np.array(tags, object))[: int(random.integers(1, 3))]:
            form = {3: "H", 4: "I", 16: "Q"}[int(tag.dtype)]
            value = _size(random) % 2 ** (8 * struct.calcsize(form))
            struct.pack_into(f"{order}{form}", content, tag.valueoffset, value)
    if random.random() < 0.2:
        return re.sub(rb'(Size[XYZT]=")\d', lambda m: m[1] + b"%d" % random.integers(10), content)
    return bytes(content)


def claim_zarr(data: bytes, random: Random) -> bytes:
    """Overwrite sizes of an array, or of its chunks, in the metadata of Zarr 2 or 3."""
    document = json.loads(data)
    lists = [document[key] for key in ("shape", "chunks") if key in document]
    if "chunk_grid" in document:
        lists.append(document["chunk_grid"]["configuration"]["chunk_shape"])
    if lists:
        chosen = lists[int(random.integers(len(lists)))]
        for _ in range(int(random.integers(1, 3))):
            chosen[int(random.integers(len(chosen)))] = _size(random)
    return json.dumps(document).encode()


def claim_czi(data: bytes, random: Random) -> bytes:
    """Overwrite starts and sizes of tiles."""
    content = bytearray(data)
    places = [m.start() for m in re.finditer(rb"[XY]\0\0\0", data)]
    for place in random.permutation(places)[: int(random.integers(1, 5))].tolist():
        if place + _CZI_PLACE.size > len(content):
            continue
        name, start, size, coordinate, stored = _CZI_PLACE.unpack_from(content, place)
        match int(random.integers(3)):
            case 0:
                start = int(random.choice([-(2**31), -1, 2**16, 2**31 - 1]))
            case 1:
                size = stored = _size(random)
            case _:
                size = _size(random)
        _CZI_PLACE.pack_into(content, place, name, start, size, coordinate, stored)
    return bytes(content)


def claim_lif(data: bytes, random: Random) -> bytes:
    """Overwrite numbers of elements, strides or sizes of the memory in the XML of a LIF."""
    start = 13
    length = 2 * struct.unpack_from("<I", data, 9)[0]
    xml = data[start : start + length].decode("utf-16-le")
    name = str(random.choice(["NumberOfElements", "NumberOfElements", "BytesInc", "Memory Size"]))
    found = list(re.finditer(rf'{name}="(\d+)"', xml))
    chosen = found[int(random.integers(len(found)))]
    xml = f"{xml[: chosen.start(1)]}{_size(random)}{xml[chosen.end(1) :]}"
    packed = xml.encode("utf-16-le")
    head = struct.pack("<IIBI", 0x70, len(packed) + 5, 0x2A, len(xml))
    return head + packed + data[start + length :]


def claim_nd2(data: bytes, random: Random) -> bytes:
    """Overwrite sizes in the attributes of an ND2, or its compression."""
    content = bytearray(data)
    names = ["uiWidth", "uiWidthBytes", "uiHeight", "uiComp", "uiSequenceCount", "eCompression"]
    for name in random.permutation(names)[: int(random.integers(1, 4))].tolist():
        key = f"{name}\0".encode("utf-16-le")
        value = int(random.integers(3)) if name == "eCompression" else _size(random)
        struct.pack_into("<I", content, data.index(key) + len(key), value)
    return bytes(content)


def claim_hdf5(path: Path, random: Random) -> None:
    """Put a label image of any size into a file, of which little or nothing is stored."""
    import h5py

    with h5py.File(path, "a") as file:
        tags = file["labels"].attrs["axistags"]
        del file["labels"]
        shape = [1, 1, *(max(1, _size(random)) for _ in range(2))]
        chunks = tuple(min(size, 64) for size in shape)
        labels = file.create_dataset("labels", shape, "u2", chunks=chunks, compression="gzip")
        labels.attrs["axistags"] = tags
        if random.random() < 0.5:
            labels[0, 0, : chunks[2], : chunks[3]] = 1


def _size(random: Random) -> int:
    return int(SIZES[int(random.integers(len(SIZES)))])
