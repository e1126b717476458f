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
//                reports an image that failed only in its log.

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
        writeGeojson(fileInside(folder, "geojson/${name}.geojson"), imageData, name, objects)
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

/** Return a file name for each image: its own, with the image's number in the project where that is taken. */
static List<String> resultNames(List<String> imageNames, List<String> ids) {
    Set<String> taken = []
    return [imageNames, ids].transpose().collect { given, id ->
        String safe = given.replaceAll(/[\x00-\x1f<>:"\/\\|?*]/, '_').replaceAll(/^[ .]+|[ .]+$/, '')
        String name = safe.replaceAll(/(?i)(?<=.)(\.ome\.tiff?|\.ome\.btf|\.ome\.zarr|\.tiff?|\.btf|\.h5|\.hdf5|\.zarr)$/, '') ?: "image ${id}"
        while (name.toLowerCase() in taken)
            name = "${name} (${id})"
        taken << name.toLowerCase()
        name
    }
}

/** Return an image's name without the ending of its format and what Bio-Formats adds behind it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

// -- lib/geojson.groovy --

/** Write objects as a FeatureCollection, with the image's information beside the features. */
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
    writeAtomically(file) { File part ->
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
