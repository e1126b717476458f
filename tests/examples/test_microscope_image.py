"""The real image of StarDist's package is read without StarDist."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bridge.errors import MissingPartError
from bridge.examples.microscope_image import read_microscope_image, read_microscope_mask

pytest.importorskip("stardist")


def test_image_and_mask_belong_together() -> None:
    image, mask = read_microscope_image(), read_microscope_mask()

    assert image.shape == mask.shape == (512, 512)
    assert image.dtype == mask.dtype == np.uint16
    assert np.median(image[mask > 0]) > 2 * np.median(image[mask == 0])


def test_neither_stardist_nor_tensorflow_is_imported() -> None:
    code = (
        "import sys; from bridge.examples.microscope_image import read_microscope_image;"
        "read_microscope_image();"
        "print({'stardist', 'csbdeep', 'tensorflow', 'keras', 'skimage'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_without_the_package_the_part_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.examples.microscope_image.find_spec", lambda _name: None)

    with pytest.raises(MissingPartError, match="segment"):
        read_microscope_image()
