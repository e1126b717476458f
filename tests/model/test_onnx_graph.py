"""A network as an ONNX model, in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.model.onnx_graph import onnx_bytes
from tests.model.test_network import small

onnxruntime = pytest.importorskip("onnxruntime")


def test_the_one_output_is_probability_rays_and_classes() -> None:
    image = np.random.default_rng(0).random((6, 4), np.float32)

    session = onnxruntime.InferenceSession(onnx_bytes(small(), (1, 1)))
    (output,) = session.run(None, {"input": image[np.newaxis, np.newaxis]})

    # the kernels count up from 0, the biases are 1: see small()
    hidden = np.stack([np.full_like(image, 1) * 2 + 10, (image + 1) * 3 + 20])
    prob, dist, classes = (
        np.tensordot(np.arange(2 * n).reshape(2, n).T, hidden, 1) + 1 for n in (1, 8, 3)
    )
    np.testing.assert_allclose(output[0], np.concatenate([prob, dist, classes]), rtol=1e-5)


def test_a_model_of_one_size_takes_no_other() -> None:
    session = onnxruntime.InferenceSession(onnx_bytes(small(), (1, 1), size=(8, 16)))

    assert session.get_inputs()[0].shape == [1, 1, 8, 16]
    assert session.get_outputs()[0].shape == [1, 12, 8, 16]
