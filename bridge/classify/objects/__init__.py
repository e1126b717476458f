"""Classification of objects: features of each, a model learnt from examples, and a report of it."""
