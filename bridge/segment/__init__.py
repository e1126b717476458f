"""From an image to nuclei: tiles, normalisation, networks, suppression."""
