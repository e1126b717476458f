"""From maps of probabilities to objects.

``thresholds`` and ``smoothing`` make a mask, ``regions`` fills and filters it, ``watershed``
(ImageJ's) and ``separating`` (scikit-image's) cut touching objects apart, ``cells`` adds the cells
of nuclei. ``finding`` puts the steps together for a plane, ``segmenting`` for an image, ``job`` for
many.
"""
