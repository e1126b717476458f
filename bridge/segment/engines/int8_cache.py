"""Where a model's 8-bit network is kept, with the record of what it was calibrated on.

Beside the model, in ``openvino_int8``: OpenVINO's ``network.xml`` and ``network.bin``, and
``calibration.json``, which is written last and holds the hashes of both. Where the model folder
cannot be written, and for the model that comes with starbridge, they are in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.folder import DEMO, ModelFolder

log = logging.getLogger(__name__)

FOLDER = "openvino_int8"
RECORD = "calibration.json"

_NETWORK = "network.xml"
_WEIGHTS = "network.bin"
_FORMAT = 1


@dataclass(frozen=True)
class Calibration:
    """What an 8-bit network was made and judged by.

    Attributes:
        percentiles: as in :class:`bridge.model.folder.Recipe`.
        images: names of the images that tiles were taken from.
        tiles: how many tiles it was calibrated on.
        held_out: how many other tiles it was judged by.
        nuclei: how many nuclei single precision finds on those.
        iou: at which overlap (intersection over union) nuclei count as the same.
        f1: agreement with single precision at that overlap, 0 to 1.
        spared: layers that stayed in single precision.
        made: when (ISO 8601, UTC).
        versions: of the libraries that made it.
    """

    percentiles: tuple[float, float]
    images: tuple[str, ...]
    tiles: int
    held_out: int
    nuclei: int
    iou: float
    f1: float
    spared: tuple[str, ...]
    made: str
    versions: dict[str, str]

    def __str__(self) -> str:
        """What a person wants to know, in a sentence."""
        return (
            f"8-bit network: F1 {self.f1:.3f} at IoU {self.iou:g} against single precision, on "
            f"{self.nuclei} nuclei of {self.held_out} tiles that it was not calibrated on"
        )


def find_quantised(model: ModelFolder) -> tuple[Path, Calibration] | None:
    """The folder of a model's 8-bit network and its record.

    Returns:
        ``None`` where there is none of these very weights, or only a damaged one.
    """
    for folder in _folders(model):
        try:
            content = json.loads((folder / RECORD).read_bytes())
            if content["format"] != _FORMAT or content["model"] != model.sha256:
                continue
            for name in (_NETWORK, _WEIGHTS):
                if _sha256(folder / name) != content["files"][name]:
                    raise ValueError(f"{name} is damaged")
            return folder, _calibration(content["calibration"])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            log.info("%s: not used (%s)", folder, error)
    return None


def load_quantised(folder: Path) -> Any:
    """The network of a folder that :func:`find_quantised` gave, an ``openvino.Model``."""
    from bridge.segment.engines.openvino import library

    return library().Core().read_model(folder / _NETWORK, folder / _WEIGHTS)


def store_quantised(model: ModelFolder, graph: Any, calibration: Calibration) -> Path:
    """Keep an 8-bit network beside its model, or in the user's cache.

    Returns:
        The folder.

    Raises:
        BadInputError: neither can be written.
    """
    from bridge.segment.engines.openvino import library

    with tempfile.TemporaryDirectory() as temporary:
        library().save_model(graph, Path(temporary) / _NETWORK, compress_to_fp16=False)
        files = {name: (Path(temporary) / name).read_bytes() for name in (_NETWORK, _WEIGHTS)}
    record = {
        "format": _FORMAT,
        "model": model.sha256,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "calibration": asdict(calibration),
    }
    files[RECORD] = json.dumps(record, indent=1, ensure_ascii=False).encode()
    failed: BadInputError | None = None
    for folder in _folders(model):
        try:
            for name, data in files.items():
                write_bytes(folder / name, data)
        except BadInputError as error:
            failed = failed or error
            continue
        return folder
    raise failed or BadInputError(
        model.path, "has no place for its 8-bit network", "copy the model to a folder of your own"
    )


def _calibration(facts: dict[str, Any]) -> Calibration:
    low, high = facts["percentiles"]
    return Calibration(
        percentiles=(float(low), float(high)),
        images=tuple(str(name) for name in facts["images"]),
        tiles=int(facts["tiles"]),
        held_out=int(facts["held_out"]),
        nuclei=int(facts["nuclei"]),
        iou=float(facts["iou"]),
        f1=float(facts["f1"]),
        spared=tuple(str(name) for name in facts["spared"]),
        made=str(facts["made"]),
        versions={str(name): str(version) for name, version in facts["versions"].items()},
    )


def _folders(model: ModelFolder) -> Iterator[Path]:
    """Where the network may be, the best place first."""
    if model.name != DEMO:
        yield model.path / FOLDER
    try:
        from bridge.java.jars import cache_folder

        yield cache_folder() / FOLDER / model.sha256[:32]
    except ImportError:  # nothing here knows the user's cache folder
        return


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
