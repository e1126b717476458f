// The open image, the images of a project, and regions of pixels.

import ij.io.FileSaver
import java.awt.image.BufferedImage
import qupath.imagej.tools.IJTools
import qupath.lib.projects.ProjectIO
import qupath.lib.regions.RegionRequest
import qupath.lib.scripting.QP

/** Return the data of the open image. */
static Object openImageData() {
    def imageData = QP.getCurrentImageData()
    if (imageData == null)
        throw new IllegalStateException('No image is open: open one, or name it with -p PROJECT -i IMAGE.')
    return imageData
}

/** Return the name of an image as its file or server gives it. */
static String imageName(imageData) {
    return imageData.getServer().getMetadata().getName()
}

/** Return the project of a .qpproj file. */
static Object openProject(String path) {
    File file = new File(path)
    if (!file.isFile())
        throw new FileNotFoundException("The project ${file} does not exist: give its project.qpproj.")
    return ProjectIO.loadProject(file, BufferedImage)
}

/** List the images to export, each with its project `entry`, whether it is `open`, and a file `name`. */
List<Map> imagesToExport(String which, String projectFile) {
    if (!(which in ['open', 'project']))
        throw new IllegalArgumentException("images is '${which}'; choose open or project.")
    def project = projectFile ? openProject(projectFile) : QP.getProject()
    // Of a project that is named by its file, only what is saved in it counts.
    def imageData = projectFile ? null : QP.getCurrentImageData()
    if (project == null && imageData == null)
        throw new IllegalStateException('No image is open: open one, or name a project.')
    if (project == null)
        return [[entry: null, open: true, name: safeName(baseName(imageName(imageData)))]]
    def entries = project.getImageList()
    def open = imageData == null ? null : project.getEntry(imageData)
    // Names are made from all images of the project, so that they are the same in every run.
    def names = resultNames(entries.collect { it.getImageName() }, entries.collect { it.getID() })
    def images = [entries, names].transpose().collect { entry, name ->
        [entry: entry, open: entry == open, name: name]
    }
    if (which == 'open' && !projectFile) {
        images = images.findAll { it.open }
        if (!images)
            throw new IllegalStateException('No image of the project is open: open one, or set images to project.')
    }
    return images
}

/** Export images one by one; continue after one that fails, and name the failed ones at the end. */
void forEachImage(List<Map> images, Closure export) {
    Map<String, String> failed = [:]
    images.eachWithIndex { image, n ->
        def imageData = null
        try {
            // The open image may have changes that are not saved yet.
            imageData = image.open ? QP.getCurrentImageData() : image.entry.readImageData()
            println("${n + 1}/${images.size()} ${image.name}: " + export(imageData, image.name))
        } catch (Exception error) {
            failed[image.name] = error.message ?: error.getClass().getSimpleName()
            println("${n + 1}/${images.size()} ${image.name} failed: ${failed[image.name]}")
        } finally {
            if (imageData != null && !image.open)
                closeServer(imageData)
        }
    }
    if (failed)
        throw new IllegalStateException(
            "${failed.size()} of ${images.size()} images failed: "
            + failed.collect { name, why -> "${name} (${why})" }.join('; '))
}

/** Close the files of an image that was opened for an export. */
static void closeServer(imageData) {
    try {
        imageData.getServer().close()
    } catch (Exception ignored) {
        // since QuPath 0.6 the first getServer() opens an image, and that may be this one and fail
    }
}

/** Return the whole pixels [x, y, width, height] of bounds and a margin, within the image. */
static List<Integer> regionBox(double x, double y, double w, double h, int margin, int wide, int high) {
    int left = Math.max(0, Math.floor(x) - margin), right = Math.min(wide, Math.ceil(x + w) + margin)
    int top = Math.max(0, Math.floor(y) - margin), bottom = Math.min(high, Math.ceil(y + h) + margin)
    if (right <= left || bottom <= top)
        throw new IllegalStateException('An annotation lies outside the image: delete or move it.')
    return [left, top, right - left, bottom - top]
}

/** Return the whole pixels [x, y, width, height] of a ROI and a margin, within the image. */
static List<Integer> boxAround(server, roi, int margin) {
    return regionBox(roi.getBoundsX(), roi.getBoundsY(), roi.getBoundsWidth(), roi.getBoundsHeight(),
        margin, server.getWidth(), server.getHeight())
}

/** Return a region's pixels with their size as an ImageJ image; `remedy` ends the error if it is too large. */
static Object readRegion(server, List<Integer> box, List<Integer> plane, double downsample, String remedy) {
    double pixels = (box[2] / downsample) * (box[3] / downsample)
    if (pixels * server.nChannels() * server.getPixelType().getBytesPerPixel() > 2_000_000_000L)
        throw new IllegalStateException(
            "A region of ${box[2]} x ${box[3]} pixels is too large for a TIFF: ${remedy}")
    def request = RegionRequest.createInstance(
        server.getPath(), downsample, box[0], box[1], box[2], box[3], plane[0], plane[1])
    return IJTools.convertToImagePlus(server, request).getImage()
}

/** Write an ImageJ image as a TIFF. */
static void writeTiff(File file, image) {
    writeAtomically(file) { File part ->
        if (!new FileSaver(image).saveAsTiff(part.getPath()))
            throw new IOException("${file} could not be written: is the disk full?")
    }
}
