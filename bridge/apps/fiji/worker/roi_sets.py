"""Compile a Java class that reads and writes tens of thousands of ROIs in a second.

It is compiled for each session by javassist, which the embedded ImageJ and every Fiji have. Macros
call it too, as ``call("starbridge.RoiSet.save", path)`` and ``load``, for the overlay of the
current image: without a window there is no ROI Manager that could save and open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.formats.imagej_rois import SHOWN_COLOR

_CLASS = "starbridge.RoiSet"

# javassist's compiler knows no generics, no for-each and no try-with-resources
_READ = """
public static ij.gui.Roi[] read(String path) throws java.io.IOException {
    java.util.ArrayList rois = new java.util.ArrayList();
    java.util.zip.ZipFile zip = new java.util.zip.ZipFile(path);
    try {
        java.util.Enumeration entries = zip.entries();
        while (entries.hasMoreElements()) {
            java.util.zip.ZipEntry entry = (java.util.zip.ZipEntry) entries.nextElement();
            String name = entry.getName();
            if (!name.toLowerCase().endsWith(".roi")) continue;
            java.io.InputStream stream = zip.getInputStream(entry);
            java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
            byte[] buffer = new byte[16384];
            int count = stream.read(buffer);
            while (count > 0) {
                bytes.write(buffer, 0, count);
                count = stream.read(buffer);
            }
            stream.close();
            ij.io.RoiDecoder decoder = new ij.io.RoiDecoder(bytes.toByteArray(), name);
            ij.gui.Roi roi = decoder.getRoi();
            if (roi == null) throw new java.io.IOException(name + " is no ROI");
            roi.setName(name.substring(name.lastIndexOf('/') + 1, name.length() - 4));
            rois.add(roi);
        }
    } finally {
        zip.close();
    }
    return (ij.gui.Roi[]) rois.toArray(new ij.gui.Roi[rois.size()]);
}
"""

_COLOR = f"""
public static void color(ij.gui.Roi[] rois) {{
    for (int i = 0; i < rois.length; i++) {{
        String shown = rois[i].getProperty("{SHOWN_COLOR}");
        if (shown == null || rois[i].getGroup() == 0) continue;
        rois[i].setStrokeColor(new java.awt.Color(Integer.parseInt(shown.trim(), 16)));
    }}
}}
"""

_WRITE = """
public static void write(ij.gui.Roi[] rois, String path) throws java.io.IOException {
    java.util.zip.ZipOutputStream zip = new java.util.zip.ZipOutputStream(
        new java.io.BufferedOutputStream(new java.io.FileOutputStream(path)));
    zip.setLevel(1);
    java.util.HashSet used = new java.util.HashSet();
    try {
        for (int i = 0; i < rois.length; i++) {
            String name = rois[i].getName();
            if (name == null || name.isEmpty()) name = "ROI " + (i + 1);
            name = name.replaceAll("[\\\\x00-\\\\x1f<>:\\"/|?*]", "_").replace('\\\\\\\\', '_');
            if (name.toLowerCase().endsWith(".roi")) name = name.substring(0, name.length() - 4);
            String unique = name;
            int again = 1;
            while (!used.add(unique.toLowerCase())) {
                again = again + 1;
                unique = name + "-" + again;
            }
            zip.putNextEntry(new java.util.zip.ZipEntry(unique + ".roi"));
            zip.write(ij.io.RoiEncoder.saveAsByteArray(rois[i]));
            zip.closeEntry();
        }
    } finally {
        zip.close();
    }
}
"""

_SAVE = """
public static String save(String path) {
    try {
        ij.ImagePlus image = ij.WindowManager.getCurrentImage();
        if (image == null) return "no image is open";
        ij.gui.Overlay overlay = image.getOverlay();
        write(overlay == null ? new ij.gui.Roi[0] : overlay.toArray(), path);
        return "";
    } catch (Throwable error) {
        return String.valueOf(error);
    }
}
"""

_LOAD = """
public static String load(String path) {
    try {
        ij.ImagePlus image = ij.WindowManager.getCurrentImage();
        if (image == null) return "no image is open";
        ij.gui.Roi[] rois = read(path);
        ij.gui.Overlay overlay = new ij.gui.Overlay();
        for (int i = 0; i < rois.length; i++) overlay.add(rois[i]);
        image.setOverlay(overlay);
        return "";
    } catch (Throwable error) {
        return String.valueOf(error);
    }
}
"""


def compile_roi_sets(classes: Path) -> Any:
    """Compile the Java class and load it.

    Args:
        classes: a folder on Java's class path.

    Returns:
        The class: ``read(path)`` gives ROIs, ``color(rois)`` shows those of groups in the
        colours of their classes, ``write(rois, path)`` saves them in their order.
    """
    from jpype import JClass

    made = JClass("javassist.ClassPool").getDefault().makeClass(_CLASS)
    method = JClass("javassist.CtNewMethod")
    for source in (_READ, _COLOR, _WRITE, _SAVE, _LOAD):
        made.addMethod(method.make(source, made))
    made.writeFile(str(classes))
    return JClass(_CLASS)
