"""Microscope images, opened lazily; axes, channels and pixel size are read, never guessed."""

from bridge.images.image import Image, from_array
from bridge.images.info import PixelSize
from bridge.images.names import IMAGE_ENDINGS, find_images, image_name, leave_out_twins
from bridge.images.opening import open_image

__all__ = [
    "IMAGE_ENDINGS",
    "Image",
    "PixelSize",
    "find_images",
    "from_array",
    "image_name",
    "leave_out_twins",
    "open_image",
]
