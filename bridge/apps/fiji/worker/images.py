"""Images that are open in ImageJ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.images.channels import name_channels, name_in_label

_DISPLAY_SATURATION = "saturated=0.35"


class NoImageError(Exception):
    """The image that was asked for is not open."""


def open_images() -> list[dict[str, Any]]:
    """List the open images, in the order in which they were opened."""
    from jpype import JClass

    manager = JClass("ij.WindowManager")
    found = [manager.getImage(identity) for identity in list(manager.getIDList() or ())]
    return [describe(image) for image in found if image is not None]


def describe(image: Any) -> dict[str, Any]:
    """Return an image's number, title, sizes and pixel size."""
    calibration = image.getCalibration()
    return {
        "id": int(image.getID()),
        "title": str(image.getTitle()),
        "width": int(image.getWidth()),
        "height": int(image.getHeight()),
        "channels": int(image.getNChannels()),
        "slices": int(image.getNSlices()),
        "frames": int(image.getNFrames()),
        "bits": int(image.getBitDepth()),
        "unit": str(calibration.getUnit()),
        "pixel_size": [
            float(calibration.pixelWidth),
            float(calibration.pixelHeight),
            float(calibration.pixelDepth),
        ],
    }


def find(which: int | str | None) -> Any:
    """Return the image with this number or title; the active one where ``None``.

    Raises:
        NoImageError: it is not open.
    """
    from jpype import JClass

    manager = JClass("ij.WindowManager")
    if which is None:
        image = manager.getCurrentImage()
    elif isinstance(which, int):
        image = manager.getImage(which)
    else:
        image = manager.getImage(which)
    if image is None:
        titles = [str(title) for title in manager.getImageTitles()]
        what = "no image is open" if which is None else f"no image {which!r} is open"
        raise NoImageError(f"{what} (open are: {', '.join(titles) or 'none'})")
    return image


def show(path: str, known: dict[str, Any]) -> Any:
    """Open an ImageJ TIFF, and set its title, pixel size and channel names.

    Args:
        path: the file, a hyperstack in ImageJ's order.
        known: ``title``, ``pixel_size`` ([x, y, z] in µm, or ``None``), ``channels`` (names).

    Returns:
        The image, shown.
    """
    from jpype import JClass

    imagej = JClass("ij.IJ")
    image = imagej.openImage(path)
    if image is None:
        raise NoImageError(f"ImageJ cannot open {Path(path).name}")
    image.setTitle(known["title"])
    if known["pixel_size"] is not None:
        calibration = image.getCalibration()
        x, y, z = known["pixel_size"]
        calibration.pixelWidth, calibration.pixelHeight = x, y
        if z is not None:
            calibration.pixelDepth = z
        calibration.setUnit("um")
    if image.getNChannels() > 1 and not image.isComposite():
        image = JClass("ij.CompositeImage")(image, JClass("ij.CompositeImage").COMPOSITE)
    _name_channels(image, known["channels"])
    for channel in range(image.getNChannels(), 0, -1):
        image.setC(channel)
        imagej.run(image, "Enhance Contrast", _DISPLAY_SATURATION)
    image.changes = False
    image.show()
    return image


def _name_channels(image: Any, names: list[str]) -> None:
    stack = image.getStack()
    if len(names) != image.getNChannels():
        return
    for t in range(1, image.getNFrames() + 1):
        for z in range(1, image.getNSlices() + 1):
            for c, name in enumerate(names, 1):
                stack.setSliceLabel(name, image.getStackIndex(c, z, t))


def channel_names(image: Any) -> list[str]:
    """Name an image's channels by the labels of its first planes, else ``C1``, ``C2``, ….

    As in the macros: labels are names where every channel has one, no two the same, and none is
    that of a file.
    """
    stack = image.getStack()
    names = []
    for channel in range(1, image.getNChannels() + 1):
        label = stack.getSliceLabel(image.getStackIndex(channel, 1, 1))
        names.append("" if label is None else name_in_label(str(label)))
    usable = all(names) and len(set(names)) == len(names)
    if not usable or any(name.lower().endswith((".tif", ".tiff")) for name in names):
        return list(name_channels([], len(names)))
    return names


def save(image: Any, path: str) -> None:
    """Save as ImageJ TIFF, overlay and calibration included."""
    from jpype import JClass

    saver = JClass("ij.io.FileSaver")(image)
    stack = image.getStackSize() > 1
    if not (saver.saveAsTiffStack(path) if stack else saver.saveAsTiff(path)):
        raise NoImageError(f"ImageJ could not save {image.getTitle()}")


def close_all() -> None:
    """Close every image without asking."""
    from jpype import JClass

    manager = JClass("ij.WindowManager")
    for identity in list(manager.getIDList() or ()):
        image = manager.getImage(identity)
        if image is not None:
            image.changes = False
            image.close()
