<<<<<<< HEAD
"""Classes of objects: examples, features, classifiers."""
=======
"""Tests of classes of objects."""
>>>>>>> help-learn
