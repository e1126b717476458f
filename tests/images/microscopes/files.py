"""Small files as microscopes write them.

CZI files are written by Zeiss's own library. LIF and ND2 files have no writer: their bytes are laid
out here as the libraries that read the real ones expect them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("DAPI", "GFP", "SOX2", "Tuj1")


def stack(*shape: int, seed: int = 0, dtype: type = np.uint16) -> NDArray[Any]:
    """Values that all differ from plane to plane."""
    return np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)


def write_czi(
    path: Path,
    scenes: Sequence[NDArray[Any]],
    *,
    names: Sequence[str] = NAMES,
    scale: tuple[float, float, float] = (2e-6, 0.5e-6, 0.25e-6),
    compression: str = "uncompressed:",
    tile: int | None = None,
) -> None:
    """Write scenes (C, Z, Y, X), or (C, Z, Y, X, 3) of blue, green and red, in tiles of a width."""
    from pylibCZIrw import czi

    with czi.create_czi(str(path), compression_options=compression) as file:
        for number, scene in enumerate(scenes):
            for c, z in np.ndindex(scene.shape[:2]):
                plane = scene[c, z].reshape(*scene.shape[2:4], -1)
                for x in range(0, plane.shape[1], tile or plane.shape[1]):
                    file.write(
                        np.ascontiguousarray(plane[:, x : x + (tile or plane.shape[1])]),
                        location=(1000 * number + x, 7),
                        plane={"C": c, "Z": z, "T": 0},
                        scene=number,
                    )
        file.write_metadata(
            document_name="sample",
            channel_names=dict(enumerate(names[: scenes[0].shape[0]])),
            scale_x=scale[2],
            scale_y=scale[1],
            scale_z=scale[0],
        )


def write_lif(
    path: Path,
    series: Mapping[str, NDArray[Any]],
    *,
    names: Sequence[str] = NAMES,
    steps: tuple[float, float, float] = (2e-6, 0.5e-6, 0.25e-6),
    tiles: int = 1,
) -> None:
    """Write series (Z, C, Y, X), or (M, Z, C, Y, X) of so many tiles; the name is a path."""
    tree: dict[str, list[str]] = {}
    blocks = []
    for number, (name, values) in enumerate(series.items()):
        size = values.dtype.itemsize
        _, channels, height, width = values.shape[-4:]
        plane = size * height * width
        descriptions = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{8 * size}" '
            f'NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="Gray" '
            f'IsLUTInverted="0" BytesInc="{c * plane}" BitInc="0"><ChannelProperty>'
            f"<Key>DyeName</Key><Value>{names[c]}</Value></ChannelProperty></ChannelDescription>"
            for c in range(channels)
        )
        dimensions = [
            (1, width, steps[2], size),
            (2, height, steps[1], size * width),
            (3, values.shape[-4], steps[0], plane * channels),
        ]
        if tiles > 1:
            dimensions.append((10, tiles, 1.0, plane * channels * values.shape[-4]))
        described = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" '
            f'Length="{step * (count - 1)}" Unit="m" BytesInc="{stride}" BitInc="0"/>'
            for axis, count, step, stride in dimensions
        )
        folder, _, own = name.rpartition("/")
        tree.setdefault(folder, []).append(
            f"<Element Name={quoteattr(own)}><Data><Image><ImageDescription>"
            f"<Channels>{descriptions}</Channels><Dimensions>{described}</Dimensions>"
            f"</ImageDescription></Image></Data>"
            f'<Memory Size="{values.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        blocks.append((f"MemBlock_{number}".encode("utf-16-le"), values.tobytes()))
    elements = "".join(
        "".join(inside)
        if not folder
        else f"<Element Name={quoteattr(folder)}><Data/>"
        f"<Children>{''.join(inside)}</Children></Element>"
        for folder, inside in tree.items()
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="sample.lif">'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml)
        for name_bytes, data in blocks:
            header = struct.pack(
                "<IIBQBI", 0x70, 14 + len(name_bytes), 0x2A, len(data), 0x2A, len(name_bytes) // 2
            )
            file.write(header + name_bytes + data)


def write_nd2(
    path: Path,
    values: NDArray[Any],
    *,
    names: Sequence[str] = NAMES,
    step: tuple[float, float] = (2.0, 0.25),
    positions: Sequence[str] = (),
    frames: int | None = None,
    pack: Callable[[bytes], bytes] | None = None,
) -> None:
    """Write an image (P, Z, C, Y, X) of µm (z, yx); of its frames so many, or all; or packed."""
    count, slices, channels, height, width = values.shape
    bits = 8 * values.dtype.itemsize
    planes = {
        f"a{c}": {
            "sDescription": names[c],
            "uiCompCount": 1,
            "uiSampleIndex": c,
            "pFluorescentProbe": {"m_sName": names[c]},
        }
        for c in range(channels)
    }
    z_loop = {
        "eType": 4,
        "uLoopPars": {"uiCount": slices, "dZStep": step[0], "dZLow": 0.0, "dZHigh": 1.0},
    }
    points = {
        f"i{p:010}": {"dPosX": 0.0, "dPosY": 0.0, "dPosName": name}
        for p, name in enumerate(positions)
    }
    xy_loop = {
        "eType": 2,
        "uLoopPars": {"Points": points},
        "ppNextLevelEx": {"i0000000000": z_loop},
    }
    parts: dict[bytes, bytes] = {
        b"ImageAttributesLV!": _lite(
            {
                "SLxImageAttributes": {
                    "uiWidth": width,
                    "uiWidthBytes": width * channels * bits // 8,
                    "uiHeight": height,
                    "uiComp": channels,
                    "uiBpcInMemory": bits,
                    "uiBpcSignificant": bits,
                    "uiSequenceCount": count * slices,
                    "eCompression": 2 if pack is None else 0,
                }
            }
        ),
        b"ImageMetadataSeqLV|0!": _lite(
            {
                "SLxPictureMetadata": {
                    "dCalibration": step[1],
                    "bCalibrated": True,
                    "sPicturePlanes": {"uiCount": channels, "sPlaneNew": planes},
                }
            }
        ),
        b"ImageMetadataLV!": _lite({"SLxExperiment": xy_loop if positions else z_loop}),
    }
    interleaved = np.moveaxis(values, 2, -1).reshape(count * slices, -1)
    for number in range(count * slices if frames is None else frames):
        pixels = np.ascontiguousarray(interleaved[number]).tobytes()
        parts[b"ImageDataSeq|%d!" % number] = struct.pack("<d", 0.0) + (pack or bytes)(pixels)
    magic = 0x0ABECEDA
    with path.open("wb") as file:
        signature = b"ND2 FILE SIGNATURE CHUNK NAME01!"
        file.write(struct.pack("<IIQ32s64s", magic, 32, 64, signature, b"Ver3.0"))
        places = b""
        for name, data in parts.items():
            padded = 4072 if name.startswith(b"ImageDataSeq") else math.ceil(len(name) / 16) * 16
            places += name + struct.pack("<QQ", file.tell(), len(data))
            file.write(struct.pack("<IIQ", magic, padded, len(data)))
            file.write(name.ljust(padded, b"\0") + data)
        place = file.tell()
        end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", place)
        file.write(struct.pack("<IIQ", magic, 32, len(places) + len(end)))
        file.write(b"ND2 FILEMAP SIGNATURE NAME 0001!" + places + end)


def _lite(values: Mapping[str, Any]) -> bytes:
    """Encode values in Nikon's "CLx lite variant": type, name and value of each."""
    return b"".join(_lite_item(name, value) for name, value in values.items())


def _lite_item(name: str, value: Any) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    head = len(text) // 2
    if isinstance(value, Mapping):
        inside = _lite(value)
        start = struct.pack("<BB", 11, head) + text
        length = len(start) + 12 + len(inside)
        return start + struct.pack("<IQ", len(value), length) + inside + bytes(8 * len(value))
    kinds: dict[type, tuple[int, Callable[[Any], bytes]]] = {
        bool: (1, lambda v: struct.pack("<B", v)),
        int: (3, lambda v: struct.pack("<I", v)),
        float: (6, lambda v: struct.pack("<d", v)),
        str: (8, lambda v: (v + "\0").encode("utf-16-le")),
    }
    code, encode = kinds[type(value)]
    return struct.pack("<BB", code, head) + text + encode(value)


def write_oir(
    path: Path,
    values: NDArray[Any],
    *,
    names: Sequence[str] = NAMES,
    steps: tuple[float, float, float] = (2.0, 0.5, 0.25),
    planes: int | None = None,
) -> None:
    """Write an image (Z, C, Y, X) of µm (z, y, x); of its planes so many, or all."""
    slices, channels, height, width = values.shape
    depth = values.dtype.itemsize
    ids = [f"{c:08x}-0000-0000-0000-000000000000" for c in range(channels)]
    described = "".join(
        f'<commonphase:channel id="{ids[c]}" order="{c + 1}"><commonimage:name>{names[c]}'
        f"</commonimage:name></commonphase:channel>"
        for c in range(channels)
    )
    image = (
        '<?xml version="1.0"?><lsmimage:imageProperties xmlns:lsmimage="l" xmlns:commonphase="p" '
        f'xmlns:commonimage="i" xmlns:commonparam="c">{described}'
        f'<commonparam:axis enable="true"><commonparam:axis>ZSTACK</commonparam:axis>'
        f"<commonparam:startPosition>0</commonparam:startPosition>"
        f"<commonparam:step>{steps[0]}</commonparam:step>"
        f"<commonparam:maxSize>{slices}</commonparam:maxSize></commonparam:axis>"
        f"<commonphase:length><commonparam:x>{steps[2]}</commonparam:x>"
        f"<commonparam:y>{steps[1]}</commonparam:y></commonphase:length>"
        "</lsmimage:imageProperties>"
    )
    frame = (
        f'<?xml version="1.0"?><frame><width>{width}</width><height>{height}</height>'
        f"<depth>{depth}</depth><bitCounts>{8 * depth}</bitCounts>"
        "<colorType>GrayScale</colorType></frame>"
    )
    blocks = [(0, image.encode()), (1, frame.encode())]
    for number, (z, c) in enumerate(np.ndindex(slices, channels)):
        if planes is None or number < planes:
            uid = f"z{z + 1:03}_0_1_{ids[c]}_0".encode()
            blocks.append((3, struct.pack("<III", 0, 0, len(uid)) + uid))
            blocks.append((4, np.ascontiguousarray(values[z, c]).tobytes()))
    body, offsets = b"", []
    for kind, data in blocks:
        offsets.append(96 + len(body))
        body += struct.pack("<II", len(data), kind) + data
    index = struct.pack("<I", 0xFFFFFFFF) + struct.pack(f"<{len(offsets)}Q", *offsets)
    sizes = struct.pack("<QQ", 96 + len(body) + len(index), 96 + len(body))
    header = b"OLYMPUSRAWFORMAT".ljust(32, b"\0") + sizes
    path.write_bytes(header.ljust(96, b"\0") + body + index)
