"""The weights files of StarDist models, written by Keras 2 or Keras 3."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import refuse_links

Fingerprint = tuple[tuple[int, ...], bytes]


def load_weights(model: Any, weights: Path) -> None:
    """Load a weights file into a Keras model, and check that it had weights for every layer.

    Args:
        model: a Keras 3 model.
        weights: an HDF5 file in the layout of Keras 2 or of Keras 3, whatever its name.

    Raises:
        BadInputError: damaged, or of another architecture.
    """
    import h5py

    try:
        with h5py.File(weights) as file:
            refuse_links(weights, file)
            # Keras 3 recognises its own format only by a name that not every copy has.
            keras3 = "layers" in file
    except (OSError, RuntimeError) as error:  # h5py raises both of damaged files
        raise BadInputError(
            weights, "is not an HDF5 file, or a damaged one", "copy the weights again"
        ) from error
    try:
        if keras3 and not weights.name.endswith(".weights.h5"):
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "model.weights.h5"
                shutil.copyfile(weights, copy)
                model.load_weights(str(copy))
        else:
            model.load_weights(str(weights))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise BadInputError(
            weights,
            "holds the weights of another architecture than config.json describes",
            "copy config.json and weights of the same training",
        ) from error
    except (OSError, RuntimeError) as error:
        raise BadInputError(weights, f"is damaged ({error})", "copy the weights again") from error
    # Keras 3 only warns of a layer that it finds no weights for, and leaves it untrained.
    with h5py.File(weights) as file:
        found = _fingerprints(file)
    if not {_fingerprint(array) for array in model.get_weights()} <= found:
        raise BadInputError(
            weights,
            "lacks weights of some of the layers that config.json describes",
            "copy config.json and weights of the same training",
        )


def _fingerprint(array: NDArray[Any]) -> Fingerprint:
    data = np.ascontiguousarray(array, np.float32).tobytes()
    return array.shape, hashlib.sha256(data).digest()


def _fingerprints(file: Any) -> set[Fingerprint]:
    """Return the fingerprints of all arrays of numbers in an HDF5 file."""
    found: set[Fingerprint] = set()

    def visit(_: str, item: Any) -> None:
        if hasattr(item, "dtype") and item.dtype.kind == "f":
            found.add(_fingerprint(item[()]))

    file.visititems(visit)
    return found
