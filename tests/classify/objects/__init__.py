"""Classes of objects: examples, features, classifiers."""
