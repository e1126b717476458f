"""StarDist model folders: configuration, weights, recipe, network."""
