// Annotations: those to look in, and their export as regions and ROIs.

import ij.gui.Roi
import ij.io.RoiEncoder
import java.util.regex.Pattern
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import qupath.imagej.tools.IJTools
import qupath.lib.scripting.QP

/** Return the annotations to look in; an empty list means the whole image. */
static List chooseAnnotations(imageData, String within, String annotationClass) {
    if (!(within in ['selection', 'annotations', 'image']))
        throw new IllegalArgumentException("within is '${within}'; choose selection, annotations or image.")
    def hierarchy = imageData.getHierarchy()
    if (within == 'image')
        return []
    def objects = within == 'selection'
        ? hierarchy.getSelectionModel().getSelectedObjects()
        : hierarchy.getAnnotationObjects()
    def chosen = objects.findAll { it.isAnnotation() && it.getROI()?.isArea() } as List
    if (within == 'annotations') {
        chosen = chosen.findAll { !annotationClass || it.getPathClass()?.toString() == annotationClass }
        if (!chosen)
            throw new IllegalStateException(
                'The image has no annotation ' + (annotationClass ? "of class ${annotationClass}." : 'with an area.'))
    }
    return chosen
}

/** Return the annotation around the whole image, which is made if the image has none. */
static Object wholeImageAnnotation(imageData) {
    String name = 'Whole image'
    def whole = imageData.getHierarchy().getAnnotationObjects().find { it.getName() == name }
    if (whole == null) {
        whole = QP.createFullImageAnnotation(imageData, false)
        whole.setName(name)
    }
    return whole
}

/** Return annotations sorted by plane, then from top to bottom, so that every run numbers them alike. */
static List sortByPosition(Collection annotations) {
    return annotations.sort(false) { a, b ->
        def key = {
            def roi = it.getROI()
            [roi.getT(), roi.getZ(), roi.getBoundsY(), roi.getBoundsX(), it.getID().toString()]
        }
        [key(a), key(b)].transpose().findResult(0) { x, y -> (x <=> y) ?: null }
    }
}

/** Return an annotation's title in file names: its class in brackets, and its number. */
static String annotationTitle(String className, int number) {
    return "[${safeName(className ?: 'none')}] ${String.format('%03d', number)}"
}

/** Write the region of each annotation with an area as a TIFF; return their number. */
int writeRegions(File folder, imageData, String name, List annotations, List<String> titles, Map settings) {
    Set<String> files = []
    [annotations, titles].transpose().each { annotation, title ->
        if (!annotation.getROI().isArea())
            return
        File file = fileInside(folder, "${name} ${title}.tif")
        writeRegion(file, imageData.getServer(), annotation.getROI(),
            settings.margin as int, settings.downsample as double)
        files << file.name
    }
    def stale = findStaleRegions(folder, name, files)
    if (stale)
        println(
            "${name}: ${stale.size()} TIFFs of an earlier export belong to no annotation any more; "
            + "delete them if you do not need them: ${stale.join(', ')}")
    return files.size()
}

/** Write the pixels around an annotation, with their size and its outline, as a TIFF for ImageJ. */
static void writeRegion(File file, server, roi, int margin, double downsample) {
    def box = boxAround(server, roi, margin)
    def image = readRegion(server, box, [roi.getZ(), roi.getT()], downsample,
        'set downsample to 2 or more, or regions to false.')
    image.setRoi(IJTools.convertToIJRoi(roi, -box[0] / downsample, -box[1] / downsample, downsample))
    writeTiff(file, image)
}

/** Return the TIFFs of an image from an earlier export that were not written again. */
static List<String> findStaleRegions(File folder, String name, Set<String> written) {
    def ours = Pattern.compile(Pattern.quote(name) + / \[[^\]]*\] \d{3,}\.tif/)
    return (folder.list() ?: []).findAll { ours.matcher(it).matches() && !(it in written) }.sort()
}

/** Write annotations as ImageJ ROIs, with the properties by which starbridge finds them again. */
static void writeRois(File file, imageData, List annotations, List<String> titles) {
    def server = imageData.getServer()
    boolean planes = server.nZSlices() * server.nTimepoints() > 1
    writeAtomically(file) { File part ->
        new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(part))).withCloseable { zip ->
            [annotations, titles].transpose().each { annotation, title ->
                def roi = annotation.getROI()
                Roi converted = IJTools.convertToIJRoi(roi, 0, 0, 1)
                converted.setName(annotation.getName() ?: title)
                if (planes)
                    converted.setPosition(0, roi.getZ() + 1, roi.getT() + 1)
                converted.setProperty('starbridge.id', annotation.getID().toString())
                converted.setProperty('starbridge.object_type', 'annotation')
                String className = annotation.getPathClass()?.toString()
                if (className)
                    converted.setProperty('starbridge.class', URLEncoder.encode(className, 'UTF-8').replace('+', '%20'))
                zip.putNextEntry(new ZipEntry(title + '.roi'))
                zip.write(RoiEncoder.saveAsByteArray(converted))
                zip.closeEntry()
            }
        }
    }
}
