"""Models of classes, evaluated from plain arrays: no scikit-learn is needed to apply one."""
