// export_annotations.groovy: writes annotations and the image regions in them, for training sets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project with annotations.
// Writes  for each image, into a folder:
//           geojsons/NAME.geojson            its annotations, with UUIDs and classes
//           ROIsTif/NAME [Class] 001.tif     the region of each annotation with an area: all
//                                            channels, the pixel size, the annotation as ImageJ's
//                                            selection; [none] where it has no class
//           ROIs/NAME_rois.zip               all annotations for ImageJ's ROI Manager, at their
//                                            place in the whole image
//         All of it is as QuPath shows the image, also where that is its file rotated or cropped.
//         Numbers run from top to bottom of the image and are the same in all three.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_annotations.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                reports an image that failed only in its log.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import ij.gui.Roi
import ij.io.FileSaver
import ij.io.RoiEncoder
import java.awt.geom.AffineTransform
import java.awt.geom.Rectangle2D
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
    def titles = annotations.withIndex().collect { annotation, n ->
        annotationTitle(annotation.getPathClass()?.toString(), n + 1)
    }
    def objects = annotations + (settings.detections ? hierarchy.getDetectionObjects() as List : [])
    writeGeojson(fileInside(folder, "geojsons/${name}.geojson"), imageData, name, objects, false)
    if (settings.rois && annotations)
        writeRois(fileInside(folder, "ROIs/${name}_rois.zip"), imageData, annotations, titles)
    int regions = settings.regions
        ? writeRegions(new File(folder, 'ROIsTif'), imageData, name, annotations, titles, settings)
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

/** Return the names with numbers added, so that no two are the same when case is ignored. */
static List<String> uniqueNames(List<String> names) {
    Set<String> taken = []
    return names.collect { name ->
        String unique = name
        for (int n = 2; !taken.add(unique.toLowerCase()); n++)
            unique = "${name} (${n})"
        unique
    }
}

/** Return an image's name without the ending of its format and what Bio-Formats adds behind it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

// -- lib/geojson.groovy --

/** Write objects as a FeatureCollection, with the image's information beside the features; with `asFile`, where they lie in the image's file. */
static void writeGeojson(File file, imageData, String name, Collection objects, boolean asFile) {
    def gson = GsonTools.getInstance()
    def server = imageData.getServer()
    def view = fileTransform(server)
    AffineTransform back = asFile && view.moves ? view.map.createInverse() : null
    writeAtomically(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write('{"type":"FeatureCollection","starbridge":'
                + gson.toJson([image: describeImage(server, name, view, back)]) + ',"features":[')
            objects.eachWithIndex { object, n ->
                String text = gson.toJson(object)
                if (back != null) {
                    def feature = JsonParser.parseString(text).getAsJsonObject()
                    mapFeature(feature, back)
                    text = gson.toJson(feature)
                }
                out.write(n ? ',\n' : '\n')
                out.write(text)
            }
            out.write('\n]}\n')
        }
    }
}

/** Return the information on an image that GeoJSON carries: of its file if there is a map `back` to it. */
static Map describeImage(server, String name, Map view, AffineTransform back) {
    List<Integer> size = back == null ? [server.getWidth(), server.getHeight()] : view.file ?: [null, null]
    def image = [
        name: name, width: size[0], height: size[1],
        size_z: server.nZSlices(), size_t: server.nTimepoints(),
        channels: server.getMetadata().getChannels()*.getName(),
    ]
    def pixel = server.getPixelCalibration()
    if (pixel.hasPixelSizeMicrons()) {
        double x = pixel.getPixelWidthMicrons(), y = pixel.getPixelHeightMicrons()
        image.pixel_size = back == null ? [x: x, y: y] : [
            x: Math.hypot(view.map.getScaleX() * x, view.map.getShearY() * y),
            y: Math.hypot(view.map.getShearX() * x, view.map.getScaleY() * y),
        ]
    }
    if (back == null && (view.moves || view.problem))
        image.coordinates = 'shown'
    return image
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
    def names = uniqueNames(entries.collect { safeName(baseName(it.getImageName())) })
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

// -- lib/transforms.groovy --

/** Return the `map` of the file's coordinates to those of an image, and the sizes [width, height] of `file` and `shown`; or the `problem`. */
static Map fileTransform(server) {
    Map read = builderTransform(GsonTools.getInstance().toJsonTree(server).get('builder'), 0)
    List<Integer> size = [server.getWidth(), server.getHeight()]
    if (!read.problem && read.shown != null && read.shown != size)
        read.problem = "is ${read.shown[0]} x ${read.shown[1]} pixels by its description and ${size[0]} x ${size[1]} as it is shown"
    read.moves = !read.problem && !(read.map.isIdentity() && (read.file == null || read.file == size))
    read.shown = size
    return read
}

/** Read a server builder: `map`, `file`, `shown` and `uri`, or the `problem` that keeps it from being a part of one file. */
static Map builderTransform(JsonElement builder, int depth) {
    if (!(builder instanceof JsonObject) || depth > 20)
        return [problem: 'does not say how it is made of its file']
    def text = { name -> builder.get(name) instanceof JsonPrimitive ? builder.get(name).getAsString() : '' }
    String kind = text('builderType') ?: (builder.has('uri') ? 'uri' : 'nothing')
    List<Integer> said = wholeSize(builder.get('metadata'))
    Map inner
    if (kind == 'uri') {
        boolean rotates = builder.get('args') instanceof JsonArray && builder.get('args').any { it.getAsString().startsWith('--rotate') }
        return rotates
            ? [problem: 'is rotated as it is opened']
            : [map: new AffineTransform(), file: said, shown: said, uri: text('uri')]
    }
    if (kind == 'channels') {
        def parts = builder.get('channels') instanceof JsonArray
            ? builder.get('channels').collect { builderTransform(it, depth + 1) }
            : []
        if (!parts || parts.any { it.problem || it.map != parts[0].map || it.uri != parts[0].uri })
            return [problem: 'is put together from channels of several images']
        inner = parts[0]
    } else if (kind in ['rotated', 'cropped', 'affine', 'flipped', 'pyramidize', 'swapRedBlue', 'color',
                        'color_deconvolved', 'normalized', 'typeConvert']) {
        inner = builderTransform(builder.get('builder'), depth + 1)
    } else {
        return [problem: "is made of its file by ${kind}, which is not known"]
    }
    if (inner.problem)
        return inner
    def step = new AffineTransform()
    List<Integer> before = inner.shown, after = before
    if (kind == 'rotated') {
        String angle = text('rotation')
        boolean quarter = angle in ['ROTATE_90', 'ROTATE_270']
        before = before ?: (quarter ? said?.reverse() : said)
        if (before == null || !(angle in ['ROTATE_NONE', 'ROTATE_90', 'ROTATE_180', 'ROTATE_270']))
            return [problem: "is rotated by ${angle}, and its size before it is not known"]
        def (width, height) = before
        if (angle == 'ROTATE_90')
            step = new AffineTransform(0, 1, -1, 0, height, 0)
        else if (angle == 'ROTATE_180')
            step = new AffineTransform(-1, 0, 0, -1, width, height)
        else if (angle == 'ROTATE_270')
            step = new AffineTransform(0, -1, 1, 0, 0, width)
        after = quarter ? before.reverse() : before
    } else if (kind == 'flipped') {
        String flip = text('flip')
        before = before ?: said
        if (before == null || !(flip in ['NONE', 'HORIZONTAL', 'VERTICAL', 'BOTH']))
            return [problem: "is flipped by ${flip}, and its size is not known"]
        boolean across = flip in ['HORIZONTAL', 'BOTH'], down = flip in ['VERTICAL', 'BOTH']
        step = new AffineTransform(across ? -1 : 1, 0, 0, down ? -1 : 1, across ? before[0] : 0, down ? before[1] : 0)
        after = before
    } else if (kind == 'cropped') {
        def region = builder.get('region')
        after = wholeSize(region)
        if (after == null)
            return [problem: 'is cropped, and to which region is not readable']
        step = AffineTransform.getTranslateInstance(-readNumber(region, 'x', 0), -readNumber(region, 'y', 0))
    } else if (kind == 'affine') {
        def given = ['m00', 'm10', 'm01', 'm11', 'm02', 'm12'].collect { readNumber(builder.get('transform'), it, Double.NaN) }
        step = new AffineTransform(given as double[])
        if (!(Math.abs(step.getDeterminant()) > 1e-12) || given.any { Double.isNaN(it) })
            return [problem: 'is transformed by a matrix that has no inverse']
        after = said ?: frameAround(before, step)
    }
    def map = new AffineTransform(step)
    map.concatenate(inner.map)
    boolean isWhole = inner.map.isIdentity() && inner.file == inner.shown
    return [map: map, file: isWhole ? inner.file ?: before ?: said : inner.file, shown: after ?: said, uri: inner.uri]
}

/** Return the size of the frame around an image of a size after a map, as QuPath makes it. */
static List<Integer> frameAround(List<Integer> size, AffineTransform map) {
    if (size == null)
        return null
    def bounds = map.createTransformedShape(new Rectangle2D.Double(0, 0, size[0], size[1])).getBounds2D()
    return [bounds.getWidth(), bounds.getHeight()].collect { (int) Math.ceil(Math.round(it * 1e6d) / 1e6d) }
}

/** Return the members width and height of a JSON object, or null. */
static List<Integer> wholeSize(JsonElement object) {
    def size = ['width', 'height'].collect { readNumber(object, it, 0) }
    return size.every { it >= 1 && it == Math.rint(it) } ? size*.intValue() : null
}

/** Return a number of a JSON object, or a preset. */
static double readNumber(JsonElement object, String name, double preset) {
    def value = object instanceof JsonObject ? object.get(name) : null
    return value instanceof JsonPrimitive && value.isNumber() ? value.getAsDouble() : preset
}

/** Return coordinates of any nesting, each point mapped. */
static JsonArray mapCoordinates(JsonArray coordinates, AffineTransform map) {
    def result = new JsonArray()
    if (coordinates.size() > 0 && coordinates.get(0) instanceof JsonPrimitive) {
        double[] point = [coordinates.get(0).getAsDouble(), coordinates.get(1).getAsDouble()]
        map.transform(point, 0, point, 0, 1)
        point.each { result.add(it) }
    } else {
        coordinates.each { result.add(mapCoordinates(it as JsonArray, map)) }
    }
    return result
}

/** Map the outlines of a feature; what is no rectangle or ellipse any more is a polygon. */
static void mapFeature(JsonObject feature, AffineTransform map) {
    boolean isStraight = map.getShearX() == 0 && map.getShearY() == 0 || map.getScaleX() == 0 && map.getScaleY() == 0
    for (name in ['geometry', 'nucleusGeometry']) {
        def geometry = feature.get(name)
        if (!(geometry instanceof JsonObject) || !(geometry.get('coordinates') instanceof JsonArray))
            continue
        geometry.add('coordinates', mapCoordinates(geometry.getAsJsonArray('coordinates'), map))
        if (!isStraight)
            geometry.remove('isEllipse')
    }
}
