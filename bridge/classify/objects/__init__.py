"""Classes of objects: learned from some that people classed, given to all others."""
