// export_annotations.groovy: writes annotations and the image regions in them, for training sets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project with annotations.
// Writes  for each image, into a folder:
//           geojsons/NAME.geojson            its annotations, with UUIDs and classes
//           ROIsTif/NAME (Class)_001.tif     the region of each annotation with an area: all
//                                            channels, the pixel size, the annotation as ImageJ's
//                                            selection; (none) where it has no class; cut to the
//                                            image, and none for an annotation outside of it.
//                                            The class is the only round bracket, by which programs
//                                            sort: others in NAME and Class become square
//           ROIs/NAME_rois.zip               all annotations for ImageJ's ROI Manager, at their
//                                            place in the whole image
//         All of it is as QuPath shows the image, also where that is its file rotated or cropped.
//         Numbers run from top to bottom of the image and are the same in all three; points and
//         lines have a number too, and no TIFF. `starbridge qupath pull --crops` writes the very
//         same files.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_annotations.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                reports an image that failed only in its log.

import ij.ImagePlus
import ij.ImageStack
import ij.gui.Roi
import ij.io.FileSaver
import ij.io.RoiEncoder
import ij.plugin.ChannelSplitter
import java.awt.image.BufferedImage
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.util.regex.Pattern
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import qupath.imagej.tools.IJTools
import qupath.lib.io.GsonTools
import qupath.lib.projects.ProjectIO
import qupath.lib.regions.RegionRequest
import qupath.lib.roi.PolygonROI
import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    images: 'open',         // 'open': the open image; 'project': every image of the project
    folder: '',             // where to write; '' means export in the project's folder
    classes: '',            // only annotations of these classes, with commas; '' means all
    margin: 0,              // pixels of the image around an annotation's region
    downsample: 1.0,        // 2.0 writes regions of half the size
    detections: false,      // write the detections into the GeoJSON, too
    regions: true,          // write the TIFFs
    rois: true,             // write the ImageJ ROIs
    project: '',            // a project.qpproj to open for this: then all its images
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
if (settings.downsample < 1)
    throw new IllegalArgumentException("downsample is ${settings.downsample}; give 1 or more.")
if (settings.images == 'project' && binding.variables['qupath.script.batchIndex'])
    return  // Run for project starts the script for every image; the first one has exported all

File folder = exportFolder(settings.folder, 'export', settings.project)
def classes = settings.classes.toString().split(',')*.trim().findAll { it }
forEachImage(imagesToExport(settings.images, settings.project)) { imageData, name ->
    def hierarchy = imageData.getHierarchy()
    def annotations = sortByPosition(hierarchy.getAnnotationObjects().findAll {
        it.hasROI() && (!classes || it.getPathClass()?.toString() in classes)
    })
    def detections = settings.detections ? hierarchy.getDetectionObjects() as List : []
    if (annotations || detections)
        writeAnnotations(fileInside(folder, "geojsons/${name}.geojson"), imageData, name, annotations, detections)
    if (settings.rois && annotations)
        writeRois(fileInside(folder, "ROIs/${name}_rois.zip"), imageData, annotations)
    int regions = settings.regions
        ? writeRegions(new File(folder, 'ROIsTif'), imageData, name, annotations, settings)
        : 0
    return "${annotations.size()} annotations, ${regions} regions"
}
println("Written to ${folder}")

// ---- Library of starbridge: built from groovy/lib, nothing to set below -------------------------

// -- lib/annotations.groovy --

/** Return annotations sorted by plane, then from top to bottom, so that every run numbers them alike. */
static List sortByPosition(Collection annotations) {
    return annotations.sort(false) { a, b ->
        def key = {
            def roi = it.getROI()
            [roi.getT(), roi.getZ(), roundCoordinate(roi.getBoundsY()), roundCoordinate(roi.getBoundsX()),
             it.getID().toString()]
        }
        [key(a), key(b)].transpose().findResult(0) { x, y -> (x <=> y) ?: null }
    }
}

/** Return an annotation's title among ROIs and in messages: its class, and its number. */
static String annotationTitle(String className, int number) {
    return "${classText(className)} ${String.format('%03d', number)}"
}

/** Return the name of an annotation's region: its class is the only round bracket, by which programs sort. */
static String cropName(String name, String className, int number) {
    return "${squareBrackets(name)} (${classText(className)})_${String.format('%03d', number)}"
}

/** Return a class as it is written into a name; one that is called like a kind of ROI gets _ behind it. */
static String classText(String className) {
    String safe = squareBrackets(className ?: 'none')
        .replaceAll(/[\x00-\x1f<>:"\/\\|?*]/, '_').replaceAll(/^[ .]+|[ .]+$/, '')
    int end = safe.offsetByCodePoints(0, Math.min(100, safe.codePointCount(0, safe.length())))
    String text = safe.substring(0, end).replaceAll(/^[ .]+|[ .]+$/, '') ?: '_'
    def kinds = ['area', 'composite', 'ellipse', 'freehand', 'geometry', 'line', 'oval', 'point', 'points',
        'polygon', 'polyline', 'rectangle', 'traced']
    String lower = text.toLowerCase(Locale.ROOT)
    return lower in kinds || lower ==~ /[0-9]+ objects?/ ? text + '_' : text
}

/** Write the region of each annotation with an area as a TIFF; return their number. */
int writeRegions(File folder, imageData, String name, List annotations, Map settings) {
    Set<String> files = []
    List<String> outside = [], cut = []
    def server = imageData.getServer()
    annotations.eachWithIndex { annotation, n ->
        def roi = annotation.getROI()
        if (!roi.isArea())
            return
        String className = annotation.getPathClass()?.toString()
        String title = annotationTitle(className, n + 1)
        def box = regionBounds(roi)
        if (box[2] <= 0 || box[3] <= 0 || box[0] >= server.getWidth() || box[1] >= server.getHeight()) {
            outside << title
            return
        }
        if (box[0] < 0 || box[1] < 0 || box[2] > server.getWidth() || box[3] > server.getHeight())
            cut << title
        File file = fileInside(folder, cropName(name, className, n + 1) + '.tif')
        writeRegion(file, server, roi, settings.margin as int, settings.downsample as double)
        files << file.name
    }
    if (outside)
        println("${name}: outside the image, so without a region: ${outside.join(', ')}")
    if (cut)
        println("${name}: partly outside the image, and cut to it: ${cut.join(', ')}")
    def stale = findStaleRegions(folder, name, files)
    if (stale)
        println(
            "${name}: ${stale.size()} TIFFs of an earlier export belong to no annotation any more; "
            + "delete them if you do not need them: ${stale.join(', ')}")
    return files.size()
}

/** Write the pixels around an annotation, with their size and its outline, as a TIFF for ImageJ. */
static void writeRegion(File file, server, roi, int margin, double downsample) {
    def bounds = regionBounds(roi)
    def box = regionBox(bounds[0], bounds[1], bounds[2] - bounds[0], bounds[3] - bounds[1], margin,
        server.getWidth(), server.getHeight())
    def image = readRegion(server, box, [roi.getZ(), roi.getT()], downsample,
        'set downsample to 2 or more, or regions to false.')
    if (image.getType() == ImagePlus.COLOR_RGB)
        image = separateColors(image)
    image.setRoi(IJTools.convertToIJRoi(roi, -box[0] / downsample, -box[1] / downsample, downsample))
    writeTiff(file, image)
}

/** Return the colours of an RGB image as three channels, which programs for training read alike. */
static Object separateColors(image) {
    def channels = new ImageStack(image.getWidth(), image.getHeight())
    ChannelSplitter.split(image).eachWithIndex { channel, n ->
        channels.addSlice(['Red', 'Green', 'Blue'][n], channel.getProcessor())
    }
    def separate = new ImagePlus(image.getTitle(), channels)
    separate.setDimensions(3, 1, 1)
    separate.setCalibration(image.getCalibration())
    separate.setOpenAsHyperStack(true)
    return separate
}

/** Return the whole pixels [left, top, right, bottom] around a ROI. */
static List<Integer> regionBounds(roi) {
    // A curve's outline goes beyond its bounds by what is left over of rounding.
    double left = roundCoordinate(roi.getBoundsX()), top = roundCoordinate(roi.getBoundsY())
    double right = roundCoordinate(roi.getBoundsX() + roi.getBoundsWidth())
    double bottom = roundCoordinate(roi.getBoundsY() + roi.getBoundsHeight())
    return [Math.floor(left) as int, Math.floor(top) as int, Math.ceil(right) as int, Math.ceil(bottom) as int]
}

/** Return a coordinate to 1/10,000 pixel. */
static double roundCoordinate(double value) {
    return Math.rint(value * 10000) / 10000
}

/** Write annotations, and detections behind them, as GeoJSON with the image's information. */
static void writeAnnotations(File file, imageData, String name, List annotations, List detections) {
    def gson = GsonTools.getInstance()
    def server = imageData.getServer()
    def size = server.getPixelCalibration()
    def image = [
        name: name, width: server.getWidth(), height: server.getHeight(),
        size_z: server.nZSlices(), size_t: server.nTimepoints(),
        channels: server.getMetadata().getChannels()*.getName(),
    ]
    if (size.hasPixelSizeMicrons())
        image.pixel_size = [x: size.getPixelWidthMicrons(), y: size.getPixelHeightMicrons()]
    writeAtomically(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write('{"type":"FeatureCollection","starbridge":' + gson.toJson([image: image]) + ',"features":[')
            annotations.eachWithIndex { annotation, n ->
                out.write(n ? ',\n' : '\n')
                out.write(gson.toJson(annotationFeature(annotation)))
            }
            detections.eachWithIndex { detection, n ->
                out.write(n || annotations ? ',\n' : '\n')
                out.write(gson.toJson(detection))
            }
            out.write('\n]}\n')
        }
    }
}

/** Return an annotation as a GeoJSON feature; QuPath's own has coordinates to 1/100 pixel only. */
static Map annotationFeature(annotation) {
    def roi = annotation.getROI()
    def color = { Integer packed -> [(packed >> 16) & 0xff, (packed >> 8) & 0xff, packed & 0xff] }
    Map properties = [objectType: 'annotation']
    if (annotation.getName() != null)
        properties.name = annotation.getName()
    if (annotation.getColor() != null)
        properties.color = color(annotation.getColor())
    def pathClass = annotation.getPathClass()
    if (pathClass?.toString())
        properties.classification = [name: pathClass.toString(), color: color(pathClass.getColor())]
    properties.isLocked = annotation.isLocked()
    Map measurements = [:]
    def list = annotation.getMeasurementList()
    list.getMeasurementNames().each { measurement ->
        double value = list.get(measurement)
        if (measurement != 'Label' && !Double.isNaN(value))
            measurements[measurement] = Double.isInfinite(value) ? value.toString() : value
    }
    properties.measurements = measurements
    // QuPath 0.4 keeps metadata to itself
    Map metadata = annotation.respondsTo('getMetadata') ? annotation.getMetadata() : [:]
    if (metadata)
        properties.metadata = new LinkedHashMap(metadata)
    Map geometry = annotationGeometry(roi)
    geometry.plane = [c: roi.getC(), z: roi.getZ(), t: roi.getT()]
    return [type: 'Feature', id: annotation.getID().toString(), geometry: geometry, properties: properties]
}

/** Return the coordinates of a ROI as GeoJSON, a polygon's as they are: a geometry would reorder them. */
static Map annotationGeometry(roi) {
    def point = { double x, double y -> [roundCoordinate(x), roundCoordinate(y)] }
    def points = { coordinates -> coordinates.collect { point(it.x, it.y) } }
    if (roi instanceof PolygonROI) {
        def ring = roi.getAllPoints().collect { point(it.getX(), it.getY()) }
        return [type: 'Polygon', coordinates: [ring + [ring[0]]]]
    }
    def geometry = roi.getGeometry()
    def parts = (0..<geometry.getNumGeometries()).collect { geometry.getGeometryN(it) }
    if (roi.isArea()) {
        def polygons = parts.findAll { it.getGeometryType() == 'Polygon' && !it.isEmpty() }.collect { polygon ->
            [points(polygon.getExteriorRing().getCoordinates())] +
                (0..<polygon.getNumInteriorRing()).collect { points(polygon.getInteriorRingN(it).getCoordinates()) }
        }
        return polygons.size() == 1
            ? [type: 'Polygon', coordinates: polygons[0]]
            : [type: 'MultiPolygon', coordinates: polygons]
    }
    String type = geometry.getGeometryType()
    if (type == 'MultiPoint')
        return [type: type, coordinates: points(geometry.getCoordinates())]
    if (type == 'MultiLineString')
        return [type: type, coordinates: parts.collect { points(it.getCoordinates()) }]
    def coordinates = points(geometry.getCoordinates())
    return [type: type, coordinates: type == 'Point' ? coordinates[0] : coordinates]
}

/** Return the TIFFs of an image from an earlier export, also named `NAME [Class] 001`, that were not written again. */
static List<String> findStaleRegions(File folder, String name, Set<String> written) {
    String start = Pattern.quote(squareBrackets(name))
    def ours = Pattern.compile(start + / \([^()]*\)_\d{3,}\.tif|/ + Pattern.quote(name) + / \[[^\]]*\] \d{3,}\.tif/)
    return (folder.list() ?: []).findAll { ours.matcher(it).matches() && !(it in written) }.sort()
}

/** Write annotations as ImageJ ROIs, with the properties by which starbridge finds them again. */
static void writeRois(File file, imageData, List annotations) {
    def server = imageData.getServer()
    boolean planes = server.nZSlices() * server.nTimepoints() > 1
    writeAtomically(file) { File part ->
        new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(part))).withCloseable { zip ->
            annotations.eachWithIndex { annotation, n ->
                def roi = annotation.getROI()
                String className = annotation.getPathClass()?.toString()
                String title = annotationTitle(className, n + 1)
                Roi converted = IJTools.convertToIJRoi(roi, 0, 0, 1)
                converted.setName(annotation.getName() ?: title)
                if (planes)
                    converted.setPosition(0, roi.getZ() + 1, roi.getT() + 1)
                converted.setProperty('starbridge.id', annotation.getID().toString())
                converted.setProperty('starbridge.object_type', 'annotation')
                converted.setProperty('starbridge.roi_name', encodeProperty(converted.getName()))
                if (annotation.getName() != null)
                    converted.setProperty('starbridge.name', encodeProperty(annotation.getName()))
                if (className)
                    converted.setProperty('starbridge.class', encodeProperty(className))
                zip.putNextEntry(new ZipEntry(title + '.roi'))
                zip.write(RoiEncoder.saveAsByteArray(converted))
                zip.closeEntry()
            }
        }
    }
}

/** Return a text as a ROI's property holds it; ImageJ would take its line breaks and colons apart. */
static String encodeProperty(String text) {
    return URLEncoder.encode(text, 'UTF-8').replace('+', '%20')
}

// -- lib/files.groovy --

/** Return the folder to write into; a relative one lies below the project's folder. */
static File exportFolder(String given, String fallback, String projectFile) {
    File folder = new File(given ?: fallback)
    if (folder.isAbsolute())
        return folder
    File base = projectFile
        ? new File(projectFile).getAbsoluteFile().getParentFile()
        : QP.getProject()?.getPath()?.toFile()?.getParentFile()
    if (base == null)
        throw new IllegalStateException('There is no project: set folder to a whole path.')
    return new File(base, folder.path)
}

/** Return a file in a folder; refuse a name that would lead out of it. */
static File fileInside(File folder, String relative) {
    File file = new File(folder, relative)
    if (!file.getCanonicalFile().toPath().startsWith(folder.getCanonicalFile().toPath()))
        throw new IllegalArgumentException("${relative} would lie outside ${folder}.")
    return file
}

/** Let `write` write a hidden file, and give it its name when it is complete. */
static void writeAtomically(File file, Closure write) {
    Files.createDirectories(file.toPath().getParent())
    File part = new File(file.getParentFile(), ".${file.name}.part")
    try {
        write(part)
        Files.move(part.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING)
    } finally {
        Files.deleteIfExists(part.toPath())
    }
}

/** Return a name that every operating system accepts for a file. */
static String safeName(String name) {
    String safe = name.replaceAll(/[\\\/:*?"<>|\p{Cntrl}]/, '_').replaceAll(/^[\s.]+|[\s.]+$/, '')
    if (safe.length() > 120)
        safe = safe.substring(0, 120).trim()
    if (safe ==~ /(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?/)
        safe = '_' + safe
    return safe ?: 'unnamed'
}

/** Return a text with square brackets in place of round ones. */
static String squareBrackets(String text) {
    return text.replace('(', '[').replace(')', ']')
}

/**
 * Return a file name for each image: its own, with the image's number in the project where that is taken.
 * Names that differ in the kind of brackets alone are one name, as image regions have square ones only.
 */
static List<String> resultNames(List<String> imageNames, List<String> ids) {
    Set<String> taken = []
    return [imageNames, ids].transpose().collect { given, id ->
        String safe = given.replaceAll(/[\x00-\x1f<>:"\/\\|?*]/, '_').replaceAll(/^[ .]+|[ .]+$/, '')
        String name = safe.replaceAll(/(?i)(?<=.)(\.ome\.tiff?|\.ome\.btf|\.ome\.zarr|\.tiff?|\.btf|\.h5|\.hdf5|\.zarr)$/, '') ?: "image ${id}"
        while (squareBrackets(name).toLowerCase() in taken)
            name = "${name} (${id})"
        taken << squareBrackets(name).toLowerCase()
        name
    }
}

/** Return an image's name without the ending of its format and what Bio-Formats adds behind it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

// -- lib/images.groovy --

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

// -- lib/settings.groovy --

/** Return what follows -a on the command line; an empty list in the script editor. */
static List<String> commandLineArguments(Binding binding) {
    def given = binding.hasVariable('args') ? binding.getVariable('args') : null
    return given == null ? [] : given.collect { it.toString() }
}

/** Return the settings with the values of NAME=VALUE arguments in place of their own. */
static Map applyArguments(Map settings, List<String> arguments) {
    Map result = new LinkedHashMap(settings)
    for (argument in arguments) {
        int at = argument.indexOf('=')
        String name = at < 0 ? argument : argument.substring(0, at).trim()
        if (at < 0 || !settings.containsKey(name))
            throw new IllegalArgumentException(
                "'${argument}' is no setting: write NAME=VALUE, NAME being one of ${settings.keySet().join(', ')}.")
        result[name] = parseSetting(name, argument.substring(at + 1).trim(), settings[name])
    }
    return result
}

/** Return a setting's text as a value of the same type as its default. */
static Object parseSetting(String name, String text, Object preset) {
    if (preset instanceof Boolean) {
        if (text.toLowerCase() in ['true', 'yes'])
            return true
        if (text.toLowerCase() in ['false', 'no'])
            return false
        throw new IllegalArgumentException("${name} is '${text}'; give true or false.")
    }
    if (preset instanceof Number) {
        if (text.isNumber())
            return preset instanceof Integer && text.isInteger() ? text.toInteger() : text.toDouble()
        throw new IllegalArgumentException("${name} is '${text}'; give a number.")
    }
    return text
}
