// export_review.groovy: writes what was decided in QuPath, for starbridge and for spreadsheets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project.
// Writes  for each image, into a folder:
//           geojson/NAME.geojson         every object with its UUID, class, outline, measurements
//           tables/NAME.tsv              a row a detection: what Measure › Export measurements shows,
//                                        with all digits and a decimal point on every computer
//           tables/NAME_annotations.tsv  the same for annotations, where there are some
//         Where the image is its file rotated, cropped, flipped or rescaled, outlines in the GeoJSON
//         lie as in the file (as `starbridge qupath pull` writes them); the tables have the places
//         that QuPath shows. An image of several files is exported as QuPath shows it.
//         QuPath itself keeps outlines of areas to 0.01 pixel; so does the GeoJSON.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_review.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                reports an image that failed only in its log.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import java.awt.geom.AffineTransform
import java.awt.geom.Rectangle2D
import java.awt.image.BufferedImage
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import qupath.lib.gui.measure.ObservableMeasurementTableData
import qupath.lib.io.GsonTools
import qupath.lib.projects.ProjectIO
import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    images: 'open',         // 'open': the open image; 'project': every image of the project
    folder: '',             // where to write; '' means export/review in the project's folder
    format: 'tsv',          // of the tables: 'tsv' or 'csv'
    geojson: true,          // write the GeoJSON
    tables: true,           // write the tables
    project: '',            // a project.qpproj to open for this: then all its images
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
if (!(settings.format in ['tsv', 'csv']))
    throw new IllegalArgumentException("format is '${settings.format}'; choose tsv or csv.")
if (settings.images == 'project' && binding.variables['qupath.script.batchIndex'])
    return  // Run for project starts the script for every image; the first one has exported all

File folder = exportFolder(settings.folder, 'export/review', settings.project)
forEachImage(imagesToExport(settings.images, settings.project)) { imageData, name ->
    def objects = imageData.getHierarchy().getAllObjects(false).findAll { it.hasROI() }
    if (settings.geojson)
        writeGeojson(fileInside(folder, "geojson/${name}.geojson"), imageData, name, objects, true)
    if (settings.tables) {
        def detections = objects.findAll { it.isDetection() }
        def annotations = objects.findAll { it.isAnnotation() }
        writeTable(fileInside(folder, "tables/${name}.${settings.format}"), imageData, detections)
        if (annotations)
            writeTable(fileInside(folder, "tables/${name}_annotations.${settings.format}"), imageData, annotations)
    }
    return "${objects.size()} objects"
}
println("Written to ${folder}")

// ---- Library of starbridge: built from groovy/lib, nothing to set below -------------------------

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

// -- lib/tables.groovy --

/** Write QuPath's measurement table of objects; a file that ends with .csv is separated by commas. */
static void writeTable(File file, imageData, Collection objects) {
    def table = new ObservableMeasurementTableData()
    table.setImageData(imageData, objects)
    def columns = table.getAllNames()
    def numeric = columns.collect { table.isNumericMeasurement(it) }
    String separator = file.name.endsWith('.csv') ? ',' : '\t'
    writeAtomically(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write(tableRow(columns, separator))
            objects.each { object ->
                out.write(tableRow([columns, numeric].transpose().collect { column, isNumber ->
                    isNumber ? formatNumber(table.getNumericValue(object, column)) : table.getStringValue(object, column)
                }, separator))
            }
        }
    }
}

/** Return a number with a decimal point and all its digits; '' for NaN. */
static String formatNumber(double value) {
    if (Double.isNaN(value))
        return ''
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? String.valueOf((long) value) : String.valueOf(value)
}

/** Return a line of a table, with quotes around cells that need them. */
static String tableRow(List cells, String separator) {
    return cells.collect {
        String text = it == null ? '' : it.toString()
        text.contains(separator) || text =~ /["\r\n]/ ? '"' + text.replace('"', '""') + '"' : text
    }.join(separator) + '\n'
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
