"""Training pairs as data sets: dividing, cutting, preparing and writing them."""
