"""ImageJ sees a disc where it is."""

from __future__ import annotations

import pytest

from bridge.apps.fiji import Fiji
from bridge.images import from_array
from tests.discs import CENTRE, TOLERANCE, centres, disc_image, star_disc

pytestmark = [pytest.mark.imagej, pytest.mark.network]


def test_a_roi_lies_on_the_pixels_of_its_object(headless: Fiji) -> None:
    headless.push(from_array(disc_image(), name="disc"), star_disc())

    assert centres(headless.pull())[0] == pytest.approx(CENTRE, abs=TOLERANCE)
    table = headless.measure()
    assert (table["X px"].iloc[0], table["Y px"].iloc[0]) == pytest.approx(CENTRE, abs=TOLERANCE)
