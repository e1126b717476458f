"""Engines that run a StarDist network."""
