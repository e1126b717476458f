"""Images to try, measure and train with: simulated nuclei, and the real image of StarDist."""
