"""Classes of objects: learnt from examples that people gave, and given to all other objects."""
