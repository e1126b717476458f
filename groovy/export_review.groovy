// export_review.groovy: writes what was decided in QuPath, for starbridge and for spreadsheets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project.
// Writes  for each image, into a folder:
//           geojson/NAME.geojson         every object with its UUID, class, outline, measurements
//           tables/NAME.tsv              a row a detection: what Measure › Export measurements shows,
//                                        with all digits and a decimal point on every computer
//           tables/NAME_annotations.tsv  the same for annotations, where there are some
//         QuPath itself keeps outlines of areas to 0.01 pixel; so does the GeoJSON.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_review.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                tells of an image that failed in its log only.

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

settings = withArguments(settings, argumentsOf(binding))
if (!(settings.format in ['tsv', 'csv']))
    throw new IllegalArgumentException("format is '${settings.format}'; choose tsv or csv.")
if (settings.images == 'project' && binding.variables['qupath.script.batchIndex'])
    return  // QuPath goes through the project itself; the first image has seen to all of them

File folder = exportFolder(settings.folder, 'export/review', settings.project)
forEachImage(imagesToExport(settings.images, settings.project)) { imageData, name ->
    def objects = imageData.getHierarchy().getAllObjects(false).findAll { it.hasROI() }
    if (settings.geojson)
        writeGeojson(fileIn(folder, "geojson/${name}.geojson"), imageData, name, objects)
    if (settings.tables) {
        def detections = objects.findAll { it.isDetection() }
        def annotations = objects.findAll { it.isAnnotation() }
        writeTable(fileIn(folder, "tables/${name}.${settings.format}"), imageData, detections)
        if (annotations)
            writeTable(fileIn(folder, "tables/${name}_annotations.${settings.format}"), imageData, annotations)
    }
    return "${objects.size()} objects"
}
println("Written to ${folder}")

// ---- From here on nothing needs to be changed ----------------------------------------------------

/** Writes what QuPath's measurement table shows of objects. */
static void writeTable(File file, imageData, Collection objects) {
    def table = new ObservableMeasurementTableData()
    table.setImageData(imageData, objects)
    def columns = table.getAllNames()
    def numeric = columns.collect { table.isNumericMeasurement(it) }
    String separator = file.name.endsWith('.csv') ? ',' : '\t'
    written(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write(row(columns, separator))
            objects.each { object ->
                out.write(row([columns, numeric].transpose().collect { column, isNumber ->
                    isNumber ? plain(table.getNumericValue(object, column)) : table.getStringValue(object, column)
                }, separator))
            }
        }
    }
}

/** A number with a decimal point and all its digits; nothing for a missing one. */
static String plain(double value) {
    if (Double.isNaN(value))
        return ''
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? String.valueOf((long) value) : String.valueOf(value)
}

/** A line of a table, its cells quoted where they must be. */
static String row(List cells, String separator) {
    return cells.collect {
        String text = it == null ? '' : it.toString()
        text.contains(separator) || text =~ /["\r\n]/ ? '"' + text.replace('"', '""') + '"' : text
    }.join(separator) + '\n'
}

/** The images to go through: each its `entry` of the project, if it is `open`, its file `name`. */
List<Map> imagesToExport(String which, String projectFile) {
    if (!(which in ['open', 'project']))
        throw new IllegalArgumentException("images is '${which}'; choose open or project.")
    def project = projectFile ? loadedProject(projectFile) : QP.getProject()
    // Of a project that is named by its file, only what is saved in it counts.
    def imageData = projectFile ? null : QP.getCurrentImageData()
    if (project == null && imageData == null)
        throw new IllegalStateException('No image is open: open one, or name a project.')
    if (project == null)
        return [[entry: null, open: true, name: safeName(baseName(nameOf(imageData)))]]
    def entries = project.getImageList()
    def open = imageData == null ? null : project.getEntry(imageData)
    // All images of the project take part in the naming, so that a name does not depend on the run.
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

/** An image's own name. */
static String nameOf(imageData) {
    return imageData.getServer().getMetadata().getName()
}

/** The project of a .qpproj file. */
static Object loadedProject(String path) {
    File file = new File(path)
    if (!file.isFile())
        throw new FileNotFoundException("The project ${file} does not exist: give its project.qpproj.")
    return ProjectIO.loadProject(file, BufferedImage)
}

/** Goes through images, past one that fails, and tells at the end which did. */
void forEachImage(List<Map> images, Closure export) {
    Map<String, String> failed = [:]
    images.eachWithIndex { image, n ->
        def imageData = null
        try {
            // What is on the screen, with changes that are not saved yet, comes before what is saved.
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

/** Gives back the files of an image that was opened for the export. */
static void closeServer(imageData) {
    try {
        imageData.getServer().close()
    } catch (Exception ignored) {
        // since QuPath 0.6 an image is opened by the first look at it, and that may be this one
    }
}

/** The folder to write into, below the project's own unless it is given whole. */
static File exportFolder(String given, String usual, String projectFile) {
    File folder = new File(given ?: usual)
    if (folder.isAbsolute())
        return folder
    File base = projectFile
        ? new File(projectFile).getAbsoluteFile().getParentFile()
        : QP.getProject()?.getPath()?.toFile()?.getParentFile()
    if (base == null)
        throw new IllegalStateException('There is no project: set folder to a whole path.')
    return new File(base, folder.path)
}

/** A file in the export folder; a name that would lead out of it is refused. */
static File fileIn(File folder, String relative) {
    File file = new File(folder, relative)
    if (!file.getCanonicalFile().toPath().startsWith(folder.getCanonicalFile().toPath()))
        throw new IllegalArgumentException("${relative} would lie outside ${folder}.")
    return file
}

/** Lets `write` write to a hidden name, and puts the file in its place when it is complete. */
static void written(File file, Closure write) {
    Files.createDirectories(file.toPath().getParent())
    File part = new File(file.getParentFile(), ".${file.name}.part")
    try {
        write(part)
        Files.move(part.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING)
    } finally {
        Files.deleteIfExists(part.toPath())
    }
}

/** A name as every system takes it for a file. */
static String safeName(String name) {
    String safe = name.replaceAll(/[\\\/:*?"<>|\p{Cntrl}]/, '_').replaceAll(/^[\s.]+|[\s.]+$/, '')
    if (safe.length() > 120)
        safe = safe.substring(0, 120).trim()
    if (safe ==~ /(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?/)
        safe = '_' + safe
    return safe ?: 'unnamed'
}

/** Names of which no two are the same, not even where case does not count. */
static List<String> uniqueNames(List<String> names) {
    Set<String> taken = []
    return names.collect { name ->
        String unique = name
        for (int n = 2; !taken.add(unique.toLowerCase()); n++)
            unique = "${name} (${n})"
        unique
    }
}

/** Writes a FeatureCollection; what is known of the image stands beside the features. */
static void writeGeojson(File file, imageData, String name, Collection objects) {
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
    written(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write('{"type":"FeatureCollection","starbridge":' + gson.toJson([image: image]) + ',"features":[')
            objects.eachWithIndex { object, n ->
                out.write(n ? ',\n' : '\n')
                out.write(gson.toJson(object))
            }
            out.write('\n]}\n')
        }
    }
}

/** An image's name without the ending of a format, and without what Bio-Formats adds after it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

/** What follows -a on the command line; nothing in the script editor. */
static List<String> argumentsOf(Binding binding) {
    def given = binding.hasVariable('args') ? binding.getVariable('args') : null
    return given == null ? [] : given.collect { it.toString() }
}

/** The settings with those replaced that an argument NAME=VALUE names. */
static Map withArguments(Map settings, List<String> arguments) {
    Map result = new LinkedHashMap(settings)
    for (argument in arguments) {
        int at = argument.indexOf('=')
        String name = at < 0 ? argument : argument.substring(0, at).trim()
        if (at < 0 || !settings.containsKey(name))
            throw new IllegalArgumentException(
                "'${argument}' is no setting: write NAME=VALUE, NAME being one of ${settings.keySet().join(', ')}.")
        result[name] = likeBefore(name, argument.substring(at + 1).trim(), settings[name])
    }
    return result
}

/** A setting's text as the kind of value that stood there before. */
static Object likeBefore(String name, String text, Object before) {
    if (before instanceof Boolean) {
        if (text.toLowerCase() in ['true', 'yes'])
            return true
        if (text.toLowerCase() in ['false', 'no'])
            return false
        throw new IllegalArgumentException("${name} is '${text}'; give true or false.")
    }
    if (before instanceof Number) {
        if (text.isNumber())
            return before instanceof Integer && text.isInteger() ? text.toInteger() : text.toDouble()
        throw new IllegalArgumentException("${name} is '${text}'; give a number.")
    }
    return text
}
