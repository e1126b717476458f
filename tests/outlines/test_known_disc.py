"""One disc of known place, by every way that an outline goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge import Detections, Segmenter
from bridge.formats.layout import FORMATS
from tests.discs import (
    CENTRE,
    RADIUS,
    SIZE,
    TOLERANCE,
    centres,
    disc_image,
    label_centre,
    star_disc,
)


def test_the_outline_of_a_prediction_lies_around_the_pixel_that_it_was_made_in() -> None:
    left, top, right, bottom = star_disc().objects.geometry.iloc[0].bounds

    assert centres(star_disc())[0] == pytest.approx(CENTRE, abs=1e-6)
    assert (right, bottom) == pytest.approx((CENTRE[0] + RADIUS, CENTRE[1] + RADIUS), abs=1e-5)
    assert (left, top) == pytest.approx((CENTRE[0] - RADIUS, CENTRE[1] - RADIUS), abs=1e-5)


def test_the_label_image_lies_where_the_outline_does() -> None:
    labels = star_disc().to_labels()

    assert label_centre(labels) == pytest.approx(CENTRE, abs=TOLERANCE)
    assert centres(Detections.from_labels(labels))[0] == pytest.approx(CENTRE, abs=TOLERANCE)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_disc_back_in_its_place(tmp_path: Path, kind: str) -> None:
    path = tmp_path / FORMATS[kind].file_name.format(name="disc")
    star_disc().write(path)

    assert centres(Detections.read(path))[0] == pytest.approx(CENTRE, abs=TOLERANCE)


@pytest.mark.model
def test_a_segmentation_has_outline_and_label_in_one_place(demo_segmenter: Segmenter) -> None:
    found = demo_segmenter.segment(disc_image())

    assert len(found) == 1
    outline, label = centres(found)[0], label_centre(found.to_labels())
    assert outline == pytest.approx(label, abs=TOLERANCE)
    # the model itself is no more exact
    assert outline == pytest.approx(CENTRE, abs=0.5)
    assert np.array_equal(found.to_labels().shape, SIZE[::-1])
