"""Single precision in fewer multiplications: starbridge's own engine for the processor.

Nearly all of a StarDist network's work are convolutions of 3 x 3. Winograd's minimal filtering
F(4 x 4, 3 x 3) makes 16 of their results from 36 products in place of 144 (S. Winograd, *Arithmetic
complexity of computations*, 1980; A. Lavin and S. Gray, *Fast algorithms for convolutional neural
networks*, 2016): what the layer sees is cut into squares of 6 x 6 that overlap by two, each is
transformed, multiplied with the transformed kernel, and transformed back.

- :mod:`vectors`: arithmetic on the processor's vectors, in numba.
- :mod:`products`: products of matrices, and what follows them.
- :mod:`transforms`: the transforms, of vectors of channels and of kernels.
- :mod:`layers`: layers of the network, a range of squares at a time.
- :mod:`plan`: which layers are computed in one go.
- :mod:`regions`: what of each layer a tile needs.
- :mod:`weights`: weights as the layers take them.
- :mod:`memory`: memory that is used again.
- :mod:`engine`: the engine.
"""
