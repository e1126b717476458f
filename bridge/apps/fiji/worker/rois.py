"""Show and read ROIs: in the ROI Manager with a window, else in the image's overlay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Rois:
    """The ROIs of a session.

    Args:
        roi_sets: the Java class that reads and writes RoiSet.zip.
        window: True where there is a ROI Manager.
    """

    def __init__(self, roi_sets: Any, *, window: bool) -> None:
        self._roi_sets = roi_sets
        self._window = window

    def put(self, image: Any, path: str, groups: list[str]) -> int:
        """Replace the ROIs by those of a RoiSet.zip.

        Args:
            image: the image that they belong to.
            path: the zip.
            groups: names of ROI groups 1, 2, ….

        Returns:
            Their number.
        """
        from jpype import JClass

        roi = JClass("ij.gui.Roi")
        roi.setGroupNames("")  # Clears those of an earlier push.
        for number, name in enumerate(groups, 1):
            roi.setGroupName(number, name)
        if self._window:
            manager = JClass("ij.plugin.frame.RoiManager").getRoiManager()
            manager.reset()
            JClass("ij.WindowManager").setCurrentWindow(image.getWindow())
            # A visible ROI Manager redraws its list for every single ROI.
            manager.setVisible(False)
            manager.open(path)
            shown = manager.getRoisAsArray()
            self._between_drawings(lambda: self._roi_sets.color(shown))
            manager.setVisible(True)
            manager.runCommand("Show All without labels")
            return int(manager.getCount())
        overlay = JClass("ij.gui.Overlay")()
        rois = self._roi_sets.read(path)
        self._roi_sets.color(rois)
        for one in rois:
            overlay.add(one)
        image.setOverlay(overlay)
        return int(overlay.size())

    def of(self, image: Any | None) -> Any:
        """Return the ROIs of an image as a Java array."""
        from jpype import JClass

        if self._window:
            manager = JClass("ij.plugin.frame.RoiManager").getInstance()
            if manager is not None and (manager.getCount() or image is None):
                return manager.getRoisAsArray()
        overlay = None if image is None else image.getOverlay()
        if overlay is None:
            return JClass("ij.gui.Roi")[0]
        return overlay.toArray()

    def save(self, image: Any | None, path: str) -> dict[str, Any]:
        """Save the ROIs as they are now.

        Returns:
            ``count``, and ``groups``: names of the groups that have one, by their number.
        """
        from jpype import JClass

        rois = self.of(image)
        self._between_drawings(lambda: self._roi_sets.write(rois, path))
        roi = JClass("ij.gui.Roi")
        groups = {}
        for number in sorted({int(one.getGroup()) for one in rois}):
            name = roi.getGroupName(number) if number else None
            if name is not None:
                groups[str(number)] = str(name)
        return {"count": len(rois), "groups": groups}

    def clear(self) -> None:
        """Empty the ROI Manager."""
        from jpype import JClass

        if self._window:
            manager = JClass("ij.plugin.frame.RoiManager").getInstance()
            if manager is not None:
                manager.reset()

    def _between_drawings(self, do: Callable[[], None]) -> None:
        """Do something with ROIs while none is being drawn.

        ImageJ gives a ROI another colour while it draws it, and then the one that it had: a colour
        read meanwhile is wrong, and one set meanwhile is lost. It draws on the event thread.
        """
        from jpype import JClass, JProxy

        queue = JClass("java.awt.EventQueue")
        if not self._window or queue.isDispatchThread():
            do()
            return
        failed: list[BaseException] = []

        def run() -> None:
            try:
                do()
            except BaseException as error:  # Java would wrap it, and hide what it says
                failed.append(error)

        queue.invokeAndWait(JProxy("java.lang.Runnable", dict={"run": run}))
        if failed:
            raise failed[0]
