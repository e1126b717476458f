"""TIFF files laid out as programs of microscopes write them, byte by byte where tifffile cannot."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Tags = list[tuple[int, int, int, Any]]
_SHORT, _LONG = 3, 4


def planes(count: int, height: int = 32, width: int = 40) -> NDArray[np.uint16]:
    """Planes of noise, none of them like another."""
    return np.random.default_rng(count).integers(1, 4000, (count, height, width), np.uint16)


def header(tags: Tags, at: int, following: int = 0) -> bytes:
    """A page header of little-endian TIFF at an offset, with its long values behind it."""
    end = at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, kind, count, value in sorted(tags, key=lambda entry: entry[0]):
        if isinstance(value, bytes):
            field = struct.pack("<I", end + len(values))
            values += value + b"\0" * (len(value) % 2)
        else:
            field = struct.pack("<HH", value, 0) if kind == _SHORT else struct.pack("<I", value)
        entries += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + values


def basic_tags(plane: NDArray[np.uint16], offset: int) -> Tags:
    """Tags of a 16-bit grey plane in one strip, as every page has them."""
    height, width = plane.shape
    return [
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, 1, 16),
        (259, _SHORT, 1, 1),
        (262, _SHORT, 1, 1),
        (273, _LONG, 1, offset),
        (277, _SHORT, 1, 1),
        (278, _LONG, 1, height),
        (279, _LONG, 1, plane.nbytes),
    ]


def write_one_header(path: Path, stack: NDArray[np.uint16], more: Tags) -> None:
    """All planes behind a single page header, as ImageJ (over 4 GB) and MetaMorph write them."""
    size = len(header([*basic_tags(stack[0], 0), *more], 8))
    head = header([*basic_tags(stack[0], 8 + size), *more], 8)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + head + stack.astype("<u2").tobytes())


def write_imagej(
    path: Path, stack: NDArray[np.uint16], description: str, **resolution: Any
) -> None:
    """A stack with ImageJ's description and a single header."""
    text = f"ImageJ=1.54p\n{description}\n\0".encode()
    x, y = resolution.get("per_unit", ((1, 1), (1, 1)))
    write_one_header(
        path,
        stack,
        [
            (270, 2, len(text), text),
            (282, 5, 1, struct.pack("<II", *x)),
            (283, 5, 1, struct.pack("<II", *y)),
            (296, _SHORT, 1, resolution.get("unit", 1)),
        ],
    )


def write_stk(
    path: Path,
    stack: NDArray[np.uint16],
    *,
    step: tuple[int, int] = (13, 20),
    unit: str = "um",
    spacing: tuple[int, int] = (5, 10),
) -> None:
    """A MetaMorph stack: private tags with the calibration, and six numbers a plane."""
    count = len(stack)
    per_plane = b"".join(
        struct.pack("<6I", *spacing, 2_450_000, 1000 * i, 2_450_000, 1000 * i) for i in range(count)
    )
    # Values of the first private tag lie elsewhere: at the end of the file, which is no pixel.
    width = len(
        header(
            [*basic_tags(stack[0], 0), (33628, 4, 4, bytes(32)), (33629, 5, count, per_plane)], 8
        )
    )
    end = 8 + width + stack.nbytes
    calibration = struct.pack("<8I", 3, 1, 4, end, 5, end + 8, 6, end + 16)
    write_one_header(path, stack, [(33628, 4, 4, calibration), (33629, 5, count, per_plane)])
    name = unit.encode() + b"\0"
    tail = struct.pack("<IIIII", *step, 2 * step[0], step[1], len(name)) + name
    path.write_bytes(path.read_bytes() + tail)


def write_lsm(
    path: Path, stack: NDArray[np.uint16], *, slices: int, names: Sequence[str] = ()
) -> None:
    """A Zeiss LSM file: (Z, C, Y, X) planes, each followed by a thumbnail, voxels in m."""
    fields = tifffile.TIFF.CZ_LSMINFO
    layout: Any = np.dtype([(name, f"<{code}") for name, code in fields])
    info = np.zeros((), layout)
    info["MagicNumber"], info["StructureSize"] = 0x0400494C, layout.itemsize
    count, channels, height, width = stack.shape
    info["DimensionX"], info["DimensionY"], info["DimensionZ"] = width, height, slices
    info["DimensionChannels"], info["DimensionTime"], info["DataType"] = channels, 1, 2
    info["VoxelSizeX"], info["VoxelSizeY"], info["VoxelSizeZ"] = 2.5e-7, 5e-7, 1e-6
    tag = (34412, "B", info.nbytes, info.tobytes(), True)
    with tifffile.TiffWriter(path) as writer:
        for i in range(count):
            writer.write(
                stack[i] if channels > 1 else stack[i, 0],
                metadata=None,
                photometric="minisblack",
                planarconfig="separate" if channels > 1 else None,
                extratags=[tag] if i == 0 else [],
                software=False,
            )
            thumbnail = stack[i, 0, ::4, ::4].astype(np.uint8)
            writer.write(thumbnail, metadata=None, subfiletype=1, software=False)
    if names:
        content = path.read_bytes()
        texts = b"".join(struct.pack("<I", len(n) + 1) + n.encode() + b"\0" for n in names)
        at = 24 + 4 * len(names)
        block = struct.pack("<6I", at + len(texts), len(names), len(names), 24, at, 0)
        place = content.index(info.tobytes()[:8]) + int(layout.fields["OffsetChannelColors"][1])
        changed = bytearray(content + block + bytes(4 * len(names)) + texts)
        struct.pack_into("<I", changed, place, len(content))
        path.write_bytes(changed)


def write_micro_manager(
    path: Path,
    stack: NDArray[np.uint16],
    *,
    channels: Sequence[str] = ("DAPI", "GFP"),
    slices: int = 1,
    frames: int = 1,
    position: int = 0,
    positions: int = 1,
) -> None:
    """A multipage file of Micro-Manager 2 without OME description; the channel runs fastest."""
    summary = json.dumps(
        {
            "MicroManagerVersion": "2.0.0",
            "Prefix": path.name.partition("_MMStack")[0],
            "Channels": len(channels),
            "ChNames": list(channels),
            "Slices": slices,
            "Frames": frames,
            "Positions": positions,
            "SlicesFirst": True,
            "TimeFirst": True,
            "PixelSize_um": 0.325,
            "z-step_um": 1.5,
        }
    ).encode()
    content = bytearray(40 + len(summary))
    index = []
    noted = json.dumps({"PixelSizeUm": 0.325}).encode() + b"\0"
    for i, plane in enumerate(stack):
        at = len(content)
        # tifffile expects pixels 162 bytes behind the beginning of a header of 13 entries.
        tags = [
            *basic_tags(plane, at + 162),
            (282, 5, 1, at + 162 + plane.nbytes),
            (283, 5, 1, at + 162 + plane.nbytes),
            (296, _SHORT, 1, 3),
            (51123, 2, len(noted), at + 162 + plane.nbytes + 8),
        ]
        values = struct.pack("<II", round(1e4 / 0.325), 1) + noted + b"\0" * (len(noted) % 2)
        following = at + 162 + plane.nbytes + len(values) if i + 1 < len(stack) else 0
        content += header(tags, at, following) + plane.astype("<u2").tobytes() + values
        index.append(
            (
                i % len(channels),
                i // len(channels) % slices,
                i // len(channels) // slices,
                position,
                at,
            )
        )
    struct.pack_into("<4sI", content, 0, b"II*\0", 40 + len(summary))
    struct.pack_into(
        "<8I", content, 8, 54773648, len(content), 483765892, 0, 0, 0, 2355492, len(summary)
    )
    content[40 : 40 + len(summary)] = summary
    content += struct.pack("<II", 3453623, len(index))
    content += b"".join(struct.pack("<5I", *entry) for entry in index)
    path.write_bytes(content)


def write_qptiff(path: Path, names: Sequence[str], **options: Any) -> None:
    """A page a channel with its XML, then a thumbnail, as slide scanners of Akoya write them."""
    micro = options.pop("micro", None)
    profile = f"<ScanProfile><PixelSizeMicrons>{micro}</PixelSizeMicrons></ScanProfile>"
    stack = planes(len(names), 64, 80).astype(np.uint8)
    root = "PerkinElmer-QPI-ImageDescription"
    with tifffile.TiffWriter(path) as writer:
        for plane, name in zip(stack, names, strict=True):
            text = f"<{root}><Name>{name}</Name>{profile if micro else ''}</{root}>"
            writer.write(
                plane,
                tile=(16, 16),
                description=text,
                metadata=None,
                software="PerkinElmer-QPI",
                **options,
            )
        text = f"<{root}><ImageType>Thumbnail</ImageType></{root}>"
        writer.write(
            stack[0, ::4, ::4], description=text, metadata=None, software="PerkinElmer-QPI"
        )


def write_sis(path: Path, plane: NDArray[np.uint16]) -> None:
    """A plane of an Olympus camera: a private tag with the calibration, in powers of ten of m."""
    general = struct.pack("<10xhdd8xd2x34s32s", -6, 0.25, 0.5, 20.0, b"camera", b"")
    entries = 1
    block = struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 100, b"SIS", entries)
    tag = (33560, 1, len(block) + 8, block + bytes(8))
    size = len(header([*basic_tags(plane, 0), tag], 8))
    at = 8 + size + plane.nbytes
    tag = (33560, 1, len(block) + 8, block + struct.pack("<hhI", 1, 1, at))
    head = header([*basic_tags(plane, 8 + size), tag], 8)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + head + plane.tobytes() + general)


def write_fluoview(path: Path, stack: NDArray[np.uint16]) -> None:
    """A Z stack of Olympus' FluoView: a private tag with name, size, step and unit an axis."""
    record: Any = np.zeros((), np.dtype(tifffile.TIFF.MM_HEADER))
    count, height, width = stack.shape
    axes = [("X", width, 0.25, "um"), ("Y", height, 500.0, "nm"), ("Z", count, 2.0, "um")]
    for i, (name, size, step, unit) in enumerate(axes):
        record["Dimensions"][i] = (name.encode(), size, 0.0, step, unit.encode())
    record["Dimensions"]["Size"][len(axes) :] = 1
    stamp = (34362, "d", 8, (0.0,) * 8, True)
    tag = (34361, "B", record.nbytes, record.tobytes(), True)
    with tifffile.TiffWriter(path) as writer:
        for i, plane in enumerate(stack):
            writer.write(
                plane,
                metadata=None,
                extratags=[tag, stamp] if i == 0 else [],
                software=False,
            )
