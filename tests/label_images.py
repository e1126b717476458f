"""Strategies for label images."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray


def label_images(
    *, largest: int = 4, max_side: int = 12, min_dims: int = 2, max_dims: int = 2
) -> st.SearchStrategy[NDArray[Any]]:
    """Label images of few ids: pieces, holes, diagonal touches and nesting come by themselves."""
    shapes = array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=1, max_side=max_side)
    dtypes = st.sampled_from([np.uint8, np.uint16, np.int32, np.uint32, np.int64])
    return st.builds(
        lambda values, dtype, gaps: (values * gaps).astype(dtype),
        arrays(np.int64, shapes, elements=st.integers(0, largest), fill=st.nothing()),
        dtypes,
        st.sampled_from([1, 7, 60]),
    )
