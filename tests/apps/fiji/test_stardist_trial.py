"""The image and the model with which a StarDist plugin is tried."""

from __future__ import annotations

import math
import zipfile

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.apps.fiji.errors import FijiError
from bridge.apps.fiji.stardist_trial import MODEL, RADIUS, check_discs, spots_image


def discs(radius: float) -> NDArray[np.uint16]:
    """A label image with a disc around each spot."""
    image = spots_image()
    labels = np.zeros(image.shape, np.uint16)
    y, x = np.indices(image.shape)
    for label, (row, column) in enumerate(((20, 20), (40, 44)), 1):
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = label
    return labels


def test_the_expected_discs_are_counted() -> None:
    assert check_discs(discs(RADIUS)) == 2


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((64, 64), np.uint16),
        discs(RADIUS - 2),
        discs(RADIUS + 2),
        np.where(discs(RADIUS) == 2, 0, discs(RADIUS)),
        np.minimum(discs(RADIUS), 1),
        np.roll(discs(RADIUS), 20, axis=0),
        discs(RADIUS)[:32],
    ],
    ids=["none", "small", "large", "one", "same label", "elsewhere", "another size"],
)
def test_anything_else_is_an_error(labels: NDArray[np.uint16]) -> None:
    with pytest.raises(FijiError, match="nuclei of .* pixels in a test image that has 2 of 113"):
        check_discs(labels)


def test_the_model_is_small_and_a_zip_for_fiji() -> None:
    with zipfile.ZipFile(MODEL) as archive:
        assert archive.namelist() == ["saved_model.pb", "variables/"]
    assert MODEL.stat().st_size < 2000


@pytest.mark.model
def test_the_model_is_what_its_tool_writes() -> None:
    pytest.importorskip("tensorflow")
    from tools.spots_model import saved_model

    with zipfile.ZipFile(MODEL) as archive:
        assert archive.read("saved_model.pb") == saved_model()


@pytest.mark.model
def test_the_model_draws_a_disc_around_each_spot() -> None:
    tf = pytest.importorskip("tensorflow")
    pytest.importorskip("stardist")
    from stardist.geometry import polygons_to_label
    from stardist.nms import non_maximum_suppression
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    definition = SavedModel()
    with zipfile.ZipFile(MODEL) as archive:
        definition.ParseFromString(archive.read("saved_model.pb"))
    image = (spots_image() - 100) / np.float32(900)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.import_graph_def(definition.meta_graphs[0].graph_def, name="")
        out = session.run("output:0", {"input:0": image[None, ..., None]})[0]

    points, scores, distances = non_maximum_suppression(
        out[..., 1:], out[..., 0], grid=(1, 1), prob_thresh=0.5, nms_thresh=0.3
    )
    labels = polygons_to_label(distances, points, shape=image.shape, prob=scores)
    assert math.isclose(float(distances.max()), RADIUS)
    assert check_discs(labels) == 2
