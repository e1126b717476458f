"""Files of tracks that other programs read."""
