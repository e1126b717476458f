"""Label images as OME-Zarr: folders (``.ome.zarr``), archives (``.zarr.zip``) and label groups.

Source of the format: https://ngff.openmicroscopy.org/0.4/#label-md and /0.5/#label-md. A label
image is a multiscale image with the metadata ``image-label``: a colour and properties for each
label. The label images of an image lie in its group ``labels``, which lists them.

The properties keep UUID, class, name and probability of each object, and the UUID of the object of
a volume that it is a slice of; where a label has cuts in several planes, those of each cut in a
list ``objects``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bridge.colors import class_color, distinct_color
from bridge.detections import OBJECT, Detections, is_uuid
from bridge.errors import BadInputError
from bridge.files.archive import zip_bytes
from bridge.files.atomic import write_bytes
from bridge.files.folders import write_folder
from bridge.formats.labels import read_label_image
from bridge.images.info import ImageInfo
from bridge.images.names import is_zarr
from bridge.images.omezarr import LABELS, Place, label_metadata, label_names
from bridge.images.zipped import METADATA, ZipFolder, split_archive

_ARCHIVES = (".zip", ".ozx")
_CHUNK = 512
_GZIP_LEVEL = 2
_UNITS = {"Z": "micrometer", "Y": "micrometer", "X": "micrometer"}
_TYPES = {"T": "time", "Z": "space", "Y": "space", "X": "space"}
_VERSIONS: dict[int, str] = {2: "0.4", 3: "0.5"}


def read(
    path: str | PathLike[str],
    *,
    dataset: str | None = None,
    axes: str | None = None,
    image: ImageInfo | None = None,
) -> Detections:
    """Read a label image; UUIDs, names, classes and probabilities too, where it keeps them.

    Args:
        path: a folder or archive: a label image, or an image with one in its group ``labels``
            (``IMAGE.zarr/labels/NAME`` where it has several).
        dataset: path of the label image inside; the only one when ``None``.
        axes: where the file does not say, ``YX``, ``ZYX``, ``TYX`` or ``TZYX``.
        image: what is known of the image the labels belong to.

    Raises:
        BadInputError: no OME-Zarr, several label images, no label image, or damaged files.
    """
    place = _place(Path(path))
    if dataset is None and (names := label_names(place)):
        if len(names) > 1:
            raise BadInputError(
                path,
                f"has {len(names)} label images",
                f"choose one: {', '.join(f'{path}/{LABELS}/{name}' for name in names[:8])}",
            )
        dataset = f"{LABELS}/{names[0]}"
    labels, label_axes, info = read_label_image(path, axes=axes, dataset=dataset)
    detections = Detections.from_labels(
        labels, axes=label_axes, image=image or info, name=str(path)
    )
    return _with_properties(detections, label_metadata(place, dataset) or {})


def _place(path: Path) -> Place:
    if path.is_dir():
        return path
    if (inside := split_archive(path)) is not None:
        return ZipFolder.open(inside[0]) / inside[1]
    if not path.exists():
        raise BadInputError(path, "does not exist", "check the path")
    return ZipFolder.open(path)


def _with_properties(detections: Detections, metadata: Mapping[str, Any]) -> Detections:
    """Give traced objects what is kept for their label and plane: UUID, probability, texts."""
    kept = _kept(metadata.get("properties"))
    frame = detections.objects
    keys = zip(frame["label"].tolist(), frame["z"].tolist(), frame["t"].tolist(), strict=True)
    # Properties of a whole label count for each of its cuts, except the UUID.
    found = [kept.get(key) or kept.get((key[0], -1, -1)) or {} for key in keys]
    ids = [str(entry.get("id", "")).lower() for entry in found]
    counts = Counter(ids)
    texts = ["class", "name", *([OBJECT] if any(OBJECT in entry for entry in found) else [])]
    frame = frame.assign(
        prob=[_number(entry.get("probability")) for entry in found],
        **{key: [_text(entry.get(key)) for entry in found] for key in texts},
    )
    frame.index = [
        new if is_uuid(new) and counts[new] == 1 else old
        for old, new in zip(detections.ids, ids, strict=True)
    ]
    return replace(detections, objects=frame)


def _kept(properties: Any) -> dict[tuple[int, int, int], Mapping[str, Any]]:
    """Return what is kept by label, slice and time point; -1 stands for any."""
    kept: dict[tuple[int, int, int], Mapping[str, Any]] = {}
    for entry in properties if isinstance(properties, list) else ():
        # A record of another program may hold anything.
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            label = int(entry["label-value"])
            kept[label, -1, -1] = entry
            for cut in entry.get("objects", ()):
                kept[label, int(cut["z"]), int(cut["t"])] = cut
    return kept


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else np.nan


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def write(
    detections: Detections, path: str | PathLike[str], *, labels: NDArray[Any] | None = None
) -> None:
    """Write the label image, gzip-compressed in chunks, with a colour and properties a label.

    Args:
        detections: the objects.
        path: a new folder (``NAME.ome.zarr``) or archive (``NAME.zarr.zip``), in NGFF 0.4; or
            ``IMAGE.zarr/labels/NAME``, in the version of that image, whose list it joins.
        labels: what :meth:`Detections.to_labels` gives, where it is there already.

    Raises:
        BadInputError: the image's size is not known, another image has this path, or the files
            cannot be written.
    """
    if labels is None:
        labels = detections.to_labels()
    target = Path(path)
    if target.name.lower().endswith(_ARCHIVES):
        write_bytes(target, zip_bytes(_files(detections, labels, 2)))
        return
    _check_target(target)
    group = target.parent
    is_inside = group.name == LABELS and is_zarr(group.parent)
    zarr_format: Literal[2, 3] = 3 if is_inside and (group.parent / "zarr.json").is_file() else 2
    source = "../../" if is_inside else None
    write_folder(target, _files(detections, labels, zarr_format, source))
    if is_inside:
        _list(group, target.name, zarr_format)


def _check_target(target: Path) -> None:
    if split_archive(target) is not None:
        raise BadInputError(
            target, "lies in an archive, which is not written into", "unpack the archive first"
        )
    if not target.exists():
        return
    if not target.is_dir():
        raise BadInputError(target, "is a file, not an OME-Zarr folder", "choose another name")
    if not is_zarr(target) or label_metadata(target) is None:
        raise BadInputError(
            target,
            "is there and is no label image",
            f"write into it ({target / LABELS / 'nuclei'}), or choose another name",
        )


def _files(
    detections: Detections,
    labels: NDArray[Any],
    zarr_format: Literal[2, 3],
    source: str | None = None,
) -> dict[str, bytes]:
    """Return the files of a label image by path, the metadata first."""
    import zarr
    from numcodecs import GZip
    from zarr.codecs import GzipCodec
    from zarr.storage import MemoryStore

    axes = detections.label_axes()
    content: dict[str, Any] = {}
    group = zarr.open_group(MemoryStore(content), mode="w", zarr_format=zarr_format)
    names = list(axes.lower()) if zarr_format == 3 else None
    compressor: Any = GzipCodec(level=_GZIP_LEVEL) if zarr_format == 3 else GZip(_GZIP_LEVEL)
    array = group.create_array(
        "0",
        shape=labels.shape,
        dtype=labels.dtype,
        chunks=tuple(
            1 if axis in "TZ" else min(_CHUNK, size)
            for axis, size in zip(axes, labels.shape, strict=True)
        ),
        compressors=compressor,
        chunk_key_encoding={
            "name": "default" if zarr_format == 3 else "v2",
            "separator": "/",
        },
        # Without the chunks of zeros, a copy that lost chunks would look whole.
        config={"write_empty_chunks": True},
        dimension_names=names,
    )
    array[...] = labels
    metadata = _metadata(detections, axes, _VERSIONS[zarr_format], source)
    group.attrs.update({"ome": metadata} if zarr_format == 3 else metadata)
    files = {name: value.to_bytes() for name, value in content.items()}
    return dict(sorted(files.items(), key=_order))


def _order(item: tuple[str, bytes]) -> tuple[bool, int, str]:
    """Sort metadata before chunks, from the top down, so that readers of archives find it first."""
    name = item[0]
    return name.rpartition("/")[2] not in METADATA, name.count("/"), name


def _metadata(
    detections: Detections, axes: str, version: str, source: str | None
) -> dict[str, Any]:
    size = detections.image.pixel_size
    steps = {axis: getattr(size, axis.lower(), None) for axis in axes}
    image_label: dict[str, Any] = {
        "version": version,
        "colors": _colors(detections),
        "properties": _properties(detections),
    }
    if source is not None:
        image_label["source"] = {"image": source}
    multiscale = {
        "name": detections.image.name,
        "version": version,
        "axes": [
            {"name": axis.lower(), "type": _TYPES[axis]}
            | ({"unit": _UNITS[axis]} if steps[axis] else {})
            for axis in axes
        ],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [float(steps[axis] or 1) for axis in axes]}
                ],
            }
        ],
    }
    top = {"version": version} if version != _VERSIONS[2] else {}
    return {**top, "multiscales": [multiscale], "image-label": image_label}


def _colors(detections: Detections) -> list[dict[str, Any]]:
    frame = detections.objects
    colors: dict[int, str] = {}
    for label, own, of_class, name in zip(
        frame["label"].tolist(), frame["color"], frame["class_color"], frame["class"], strict=True
    ):
        color = own or of_class or (class_color(name) if name else distinct_color(label))
        colors.setdefault(label, color)
    return [
        {"label-value": label, "rgba": [*bytes.fromhex(color.removeprefix("#"))[:3], 255]}
        for label, color in sorted(colors.items())
    ]


def _properties(detections: Detections) -> list[dict[str, Any]]:
    frame = detections.objects
    cuts: dict[int, list[dict[str, Any]]] = {}
    texts = [key for key in ("class", "name", OBJECT) if key in frame.columns]
    for identity, label, z, t, prob, *values in zip(
        detections.ids,
        *(frame[key].tolist() for key in ("label", "z", "t", "prob", *texts)),
        strict=True,
    ):
        entry: dict[str, Any] = {"z": z, "t": t, "id": identity}
        if np.isfinite(prob):
            entry["probability"] = prob
        entry |= {key: text for key, text in zip(texts, values, strict=True) if _text(text)}
        cuts.setdefault(label, []).append(entry)
    is_plane = detections.label_axes() == "YX"
    return [
        {"label-value": label, **{k: v for k, v in of_label[0].items() if k not in "zt"}}
        if is_plane
        else {"label-value": label, "objects": of_label}
        for label, of_label in sorted(cuts.items())
    ]


def _list(group: Path, name: str, zarr_format: int) -> None:
    """Add a name to the list of an image's label images."""
    names = [*label_names(group.parent)] if is_zarr(group) else []
    names += [name] if name not in names else []
    if zarr_format == 3:
        record = _json(group / "zarr.json") or {"zarr_format": 3, "node_type": "group"}
        attributes = record.setdefault("attributes", {})
        attributes["ome"] = {**attributes.get("ome", {}), "version": "0.5", LABELS: names}
        write_bytes(group / "zarr.json", json.dumps(record, indent=1).encode())
        return
    if not (group / ".zgroup").is_file():
        write_bytes(group / ".zgroup", json.dumps({"zarr_format": 2}).encode())
    attributes = {**_json(group / ".zattrs"), LABELS: names}
    write_bytes(group / ".zattrs", json.dumps(attributes, indent=1).encode())


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInputError(path, f"cannot be read ({error})", "copy the image again") from error
    return found if isinstance(found, dict) else {}
