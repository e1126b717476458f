"""Choose images for training that span the intensities of each condition, and crop them.

An ilastik or StarDist training set is made from few images of a study. They should show weak,
medium and strong staining of every condition: :func:`mean_intensities` measures a channel over the
nuclei of each image, :func:`choose` takes the images nearest to the quantiles of each condition,
and :func:`crop` cuts out image and label image together.
"""

from bridge.select.choosing import choose
from bridge.select.conditions import add_fields
from bridge.select.cropping import Crop, crop
from bridge.select.intensities import Intensities, image_intensities, mean_intensities
from bridge.select.windows import Window, place_window

__all__ = [
    "Crop",
    "Intensities",
    "Window",
    "add_fields",
    "choose",
    "crop",
    "image_intensities",
    "mean_intensities",
    "place_window",
]
