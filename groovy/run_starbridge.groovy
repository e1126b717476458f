// run_starbridge.groovy: finds nuclei with the command `starbridge segment` and imports them.
//
// Needs   QuPath 0.4 to 0.7, an image, and starbridge installed on this computer: say below where its
//         command is, unless a terminal finds it by its name alone.
// Writes  detections with UUIDs: below each selected annotation those whose centroid lies in it; with
//         nothing selected, those of the whole image, below the annotations that they lie in. With
//         replace=true, what this script or import_detections.groovy put there earlier goes first;
//         other objects are never touched.
//
// An image that is a TIFF or HDF5 file on this computer is handed over as it is. Of anything else,
// and of annotations, the pixels are written to a temporary folder, which is removed at the end.
// Percentiles are taken of what is handed over: for the same result as on the whole image, select
// nothing.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run; for many
//                images Run › Run for project.
// Command line   QuPath script run_starbridge.groovy -p PROJECT/project.qpproj -i IMAGE -s
//                    -a command=STARBRIDGE/.venv/bin/starbridge -a channel=DAPI
//                Without -i it runs for every image; QuPath then tells of an image that failed in
//                its log only, and its exit status is 0 all the same.

import com.google.gson.Gson
import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import com.google.gson.stream.JsonReader
import com.google.gson.stream.JsonToken
import ij.io.FileSaver
import java.nio.charset.StandardCharsets
import java.nio.file.Files
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.zip.GZIPInputStream
import qupath.imagej.tools.IJTools
import qupath.lib.io.PathIO
import qupath.lib.regions.RegionRequest
import qupath.lib.scripting.QP

// ---- Settings: '' means the model's own ----------------------------------------------------------
def settings = [
    command: 'starbridge',  // starbridge's command, with its folder where a terminal does not find it
    model: 'demo',          // folder of a StarDist model (stardist_haug2), or 'demo'
    channel: '',            // channel of the nuclei: a name (DAPI) or a number from 0; several with ,
    probability: '',        // threshold, 0 to 1
    overlap: '',            // overlap threshold (NMS), 0 to 1
    percentiles: '',        // intensities brought to 0 and 1: '0.2 99.8'
    pixelSize: '',          // µm per pixel of the image, where QuPath does not know it
    outline: 'star',        // 'star' (smooth) or 'traced' (along the pixels' edges)
    importAs: 'detection',  // 'detection', 'cell' or 'annotation'
    within: 'selection',    // 'selection' (nothing selected: the whole image), 'annotations', 'image'
    annotationClass: '',    // with 'annotations': only those of this class
    margin: 32,             // pixels handed over around an annotation, so that no nucleus is cut
    replace: true,          // first remove what was imported there earlier
]
// --------------------------------------------------------------------------------------------------

settings = withArguments(settings, argumentsOf(binding))

def imageData = QP.getCurrentImageData()
if (imageData == null)
    throw new IllegalStateException('No image is open: open one, or name it with -p PROJECT -i IMAGE.')
def server = imageData.getServer()
def parents = annotationsToSegment(imageData, settings.within, settings.annotationClass)

File folder = Files.createTempDirectory('starbridge-').toFile()
try {
    File given = parents ? null : handedOver(server)
    if (!parents && given == null && server.nZSlices() * server.nTimepoints() > 1)
        throw new IllegalStateException('Of an image of several planes, select annotations on the planes to look at.')
    List<Map> parts = given != null
        ? [[image: given, parent: null, x: 0, y: 0, plane: null]]
        : (parents ?: [null]).withIndex().collect { parent, n ->
            File file = new File(folder, String.format('region_%04d.tif', n + 1))
            writeRegion(server, parent, settings.margin as int, file)
        }
    File results = new File(folder, 'results')
    def words = commandWords(settings, parts*.image*.getPath(), results.getPath())
    println(words.join(' '))
    runCommand(words) { line -> println(line) }

    // Everything is read before the image's objects are touched.
    parts.each { part ->
        File file = geojsonOf(results, part.image)
        def content = readObjects(file, settings.importAs, part.x, part.y, part.plane)
        def image = content.image
        boolean same = image.width == server.getWidth() && image.height == server.getHeight()
        if (part.image == given && image.width && !same)
            throw new IllegalStateException(
                "starbridge read ${image.width} x ${image.height} pixels of ${given.name}, and QuPath shows "
                + "${server.getWidth()} x ${server.getHeight()}: select an annotation, so that the pixels themselves are handed over.")
        part.objects = part.parent == null ? content.objects : inside(content.objects, part.parent.getROI())
    }
    int removed = 0, added = 0
    parts.each { part ->
        if (settings.replace)
            removed += removeImported(imageData, part.parent)
        added += addBelow(imageData, part.parent, part.objects)
    }
    imageData.getHierarchy().fireHierarchyChangedEvent(imageData.getHierarchy())
    String replaced = removed ? "; ${removed} of an earlier run were replaced" : ''
    println("${added} nuclei imported into ${server.getMetadata().getName()}${replaced}")
} finally {
    folder.deleteDir()
}

// ---- From here on nothing needs to be changed ----------------------------------------------------

/** The annotations to look in; none means the whole image. */
List annotationsToSegment(imageData, String within, String annotationClass) {
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

/** The image's file, where starbridge would read the same pixels in it as QuPath; else null. */
static File handedOver(server) {
    // A rotated, cropped or otherwise changed image has a builder of another kind.
    def builder = server.getBuilder()
    if (builder == null || builder.getClass().getSimpleName() != 'DefaultImageServerBuilder')
        return null
    return localImage(builder.getURI(), builder.getArgs() as List)
}

/** The local file that a URI names, if starbridge reads its format and it is not a further series. */
static File localImage(URI uri, List<String> serverArguments) {
    if (uri == null || uri.getScheme() != 'file' || uri.getPath() == null)
        return null
    def series = (serverArguments ?: []).collate(2, 1).find { it[0] == '--series' }
    if (series && series[1] != '0')
        return null
    File file = new File(uri.getPath())
    return file.isFile() && file.name =~ /(?i)\.(tiff?|btf|h5|hdf5)$/ ? file : null
}

/** Writes an annotation's region (the whole image without one) as a TIFF with its pixel size. */
Map writeRegion(server, parent, int margin, File file) {
    def roi = parent?.getROI()
    List<Integer> box = roi == null
        ? [0, 0, server.getWidth(), server.getHeight()]
        : region(roi.getBoundsX(), roi.getBoundsY(), roi.getBoundsWidth(), roi.getBoundsHeight(),
            margin, server.getWidth(), server.getHeight())
    List<Integer> plane = roi == null ? [0, 0] : [roi.getZ(), roi.getT()]
    long bytes = (long) box[2] * box[3] * server.nChannels() * server.getPixelType().getBytesPerPixel()
    if (bytes > 2_000_000_000L)
        throw new IllegalStateException(
            "A region of ${box[2]} x ${box[3]} pixels is too large to be handed over: "
            + 'draw smaller annotations, or save the image as TIFF and open that.')
    def request = RegionRequest.createInstance(server.getPath(), 1.0, box[0], box[1], box[2], box[3], plane[0], plane[1])
    def image = IJTools.convertToImagePlus(server, request).getImage()
    if (!new FileSaver(image).saveAsTiff(file.getPath()))
        throw new IOException("${file} could not be written: is the disk full?")
    return [image: file, parent: parent, x: box[0], y: box[1], plane: plane]
}

/** Whole pixels [x, y, width, height] of bounds and a margin, within the image. */
static List<Integer> region(double x, double y, double w, double h, int margin, int wide, int high) {
    int left = Math.max(0, Math.floor(x) - margin), right = Math.min(wide, Math.ceil(x + w) + margin)
    int top = Math.max(0, Math.floor(y) - margin), bottom = Math.min(high, Math.ceil(y + h) + margin)
    if (right <= left || bottom <= top)
        throw new IllegalStateException('An annotation lies outside the image: delete or move it.')
    return [left, top, right - left, bottom - top]
}

/** The command and its arguments, each by itself: no shell reads them. */
static List<String> commandWords(Map settings, List<String> images, String results) {
    List<String> words = [settings.command.toString(), 'segment'] + images
    words += ['--out', results, '--model', settings.model.toString()]
    words += ['--outline', settings.outline.toString(), '--formats', 'geojson']
    [channel: '--channel', probability: '--prob', overlap: '--nms', pixelSize: '--pixel-size'].each { name, option ->
        if (settings[name].toString() != '')
            words << option + '=' + settings[name]
    }
    if (settings.percentiles) {
        def pair = settings.percentiles.toString().trim().split(/[\s,;]+/) as List
        if (pair.size() != 2)
            throw new IllegalArgumentException("percentiles is '${settings.percentiles}'; give two numbers: '0.2 99.8'.")
        words += ['--percentiles'] + pair
    }
    return words
}

/** Runs a command to its end, telling each line that it says; its own message where it fails. */
static void runCommand(List<String> words, Closure tell) {
    def builder = new ProcessBuilder(words).redirectErrorStream(true)
    builder.environment().putAll([PYTHONUTF8: '1', PYTHONUNBUFFERED: '1', NO_COLOR: '1'])
    Process process
    try {
        process = builder.start()
    } catch (IOException error) {
        // Without the cause, because QuPath shows the words of the innermost exception only.
        throw new IllegalStateException(
            "The command ${words[0]} cannot be started (${error.message}): set command to starbridge's command with its folder "
            + '(in a terminal, "which starbridge" tells it; on Windows "where starbridge").')
    }
    process.getOutputStream().close()
    def lines = new LinkedBlockingQueue<String>()
    def listener = Thread.startDaemon { process.getInputStream().eachLine('UTF-8') { lines.put(it) } }
    def said = []
    try {
        // Waiting for the queue, unlike reading, ends when the script is stopped.
        while (listener.isAlive() || !lines.isEmpty()) {
            String line = lines.poll(200, TimeUnit.MILLISECONDS)
            if (line != null) {
                said << line
                tell(line)
            }
        }
        int status = process.waitFor()
        if (status != 0)
            throw new IllegalStateException('starbridge failed: ' + whyFailed(said, status))
    } finally {
        process.descendants().each { it.destroy() }
        process.destroy()
    }
}

/** Of what a command said, the lines that tell why it failed. */
static String whyFailed(List<String> said, int status) {
    def telling = said.collect { it.trim() }.findAll { it }
    def failures = telling.findAll { it.toLowerCase().contains('failed: ') }
    def last = telling ? [telling.last()] : []
    def words = (failures ?: last).collect { it.replaceFirst(/^(\d+\/\d+ failed|starbridge|Error): /, '') }
    return words ? words.join('; ') : "it ended with status ${status} and said nothing."
}

/** The GeoJSON that was made of an image. */
static File geojsonOf(File results, File image) {
    File file = new File(results, 'geojson/' + baseName(image.name) + '.geojson')
    if (!file.isFile())
        throw new FileNotFoundException("starbridge wrote no result for ${image.name}.")
    return file
}

/** The objects whose centroids lie in a ROI. */
static List inside(List objects, roi) {
    return objects.findAll { roi.contains(it.getROI().getCentroidX(), it.getROI().getCentroidY()) }
}

/** Objects of a GeoJSON file, moved to their place, and what it says of its `image`. */
Map readObjects(File file, String importAs, double dx, double dy, List<Integer> plane) {
    if (!(importAs in ['', 'detection', 'cell', 'annotation']))
        throw new IllegalArgumentException("importAs is '${importAs}'; choose detection, cell or annotation.")
    List objects = []
    List<JsonObject> waiting = []
    def flush = {
        if (waiting)
            objects.addAll(PathIO.readObjectsFromGeoJSON(streamOf(waiting)))
        waiting.clear()
    }
    def head = opened(file).withCloseable { reader ->
        readFeatures(reader) { JsonObject feature ->
            if (hasOutline(feature))
                waiting << prepared(feature, importAs, dx, dy, plane)
            if (waiting.size() >= 5000)
                flush()
        }
    }
    flush()
    return [objects: objects.findAll { it.hasROI() }, image: imageIn(head)]
}

/** Adds objects below an annotation (without one: where they lie), and notes them as imported. */
int addBelow(imageData, parent, List objects) {
    def hierarchy = imageData.getHierarchy()
    if (parent != null)
        parent.addChildObjects(objects)
    else
        hierarchy.insertPathObjects(objects)
    noteImported(imageData, objects, hierarchy.getAllObjects(false)*.getID())
    return objects.size()
}

/** Removes what was imported earlier, below an annotation if one is given, and nothing else. */
int removeImported(imageData, parent) {
    def hierarchy = imageData.getHierarchy()
    Set<String> imported = importedBefore(imageData)
    def candidates = parent == null ? hierarchy.getAllObjects(false) : parent.getChildObjects()
    Collection ours = candidates.findAll { it.getID().toString() in imported }
    hierarchy.removeObjects(ours, true)
    return ours.size()
}

/** UUIDs of what was imported earlier; they are kept with the image's data. */
static Set<String> importedBefore(imageData) {
    return (imageData.getProperty('starbridge.imported') ?: '').toString().readLines() as Set
}

/** Keeps the UUIDs of imported objects that are still `there`. */
static void noteImported(imageData, Collection objects, Collection there) {
    Set<String> present = there*.toString() as Set
    Set<String> imported = importedBefore(imageData).findAll { it in present } + objects*.getID()*.toString()
    imageData.setProperty('starbridge.imported', imported.join('\n'))
}

/** An image's name without the ending of a format, and without what Bio-Formats adds after it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

/** What a file of starbridge says of its image; nothing in other files. */
static Map imageIn(JsonObject head) {
    try {
        def image = head.getAsJsonObject('starbridge').getAsJsonObject('image')
        def value = { name -> image.get(name)?.isJsonPrimitive() ? image.get(name) : null }
        return [
            name: value('name')?.getAsString(),
            width: value('width')?.getAsInt(),
            height: value('height')?.getAsInt(),
        ]
    } catch (Exception ignored) {
        return [:]
    }
}

/** A GeoJSON file as text, unpacked where it is gzipped, whatever its name says. */
static Reader opened(File file) {
    def stream = new BufferedInputStream(new FileInputStream(file))
    stream.mark(2)
    boolean zipped = stream.read() == 0x1f && stream.read() == 0x8b
    stream.reset()
    return new InputStreamReader(zipped ? new GZIPInputStream(stream) : stream, StandardCharsets.UTF_8)
}

/** Gives each feature to `take`, one at a time, and returns the other members of the document. */
static JsonObject readFeatures(Reader text, Closure take) {
    def gson = new Gson()
    def reader = new JsonReader(text)
    reader.setLenient(true)  // Gson itself may write a bare NaN
    def takeAll = {
        reader.beginArray()
        while (reader.hasNext())
            take(gson.fromJson(reader, JsonObject))
        reader.endArray()
    }
    def head = new JsonObject()
    if (reader.peek() == JsonToken.BEGIN_ARRAY) {
        takeAll()
        return head
    }
    reader.beginObject()
    while (reader.hasNext()) {
        String name = reader.nextName()
        if (name == 'features')
            takeAll()
        else
            head.add(name, gson.fromJson(reader, JsonElement))
    }
    reader.endObject()
    if (head.has('geometry')) {
        take(head)
    } else if (head.has('coordinates')) {
        def feature = new JsonObject()
        feature.add('geometry', head)
        take(feature)
    }
    return head
}

/** Whether a feature has a geometry with coordinates; QuPath stops at one that has not. */
static boolean hasOutline(JsonObject feature) {
    def geometry = feature.get('geometry')
    def coordinates = geometry instanceof JsonObject ? geometry.get('coordinates') : null
    return coordinates instanceof JsonArray && coordinates.size() > 0
}

/** A feature as QuPath reads it: of the wanted kind, moved, and on a plane [z, t] if one is given. */
static JsonObject prepared(JsonObject feature, String importAs, double dx, double dy, List<Integer> plane) {
    feature.addProperty('type', 'Feature')
    if (!(feature.get('properties') instanceof JsonObject))
        feature.add('properties', new JsonObject())
    def properties = feature.getAsJsonObject('properties')
    if (importAs)
        properties.addProperty('objectType', importAs)
    if (importAs == 'cell' && !(feature.get('nucleusGeometry') instanceof JsonObject))
        feature.add('nucleusGeometry', feature.get('geometry').deepCopy())
    def shown = properties.get('classification')
    // QuPath stops at a class without a colour, but takes a class that is a plain name.
    boolean plain = shown instanceof JsonObject && !shown.has('color') && !shown.has('colorRGB')
    if (plain && shown.get('name') instanceof JsonPrimitive)
        properties.add('classification', shown.get('name'))
    for (name in ['geometry', 'nucleusGeometry']) {
        def geometry = feature.get(name)
        if (!(geometry instanceof JsonObject))
            continue
        if (dx != 0 || dy != 0)
            geometry.add('coordinates', moved(geometry.getAsJsonArray('coordinates'), dx, dy))
        if (plane != null) {
            def where = new JsonObject()
            where.addProperty('c', -1)
            where.addProperty('z', plane[0])
            where.addProperty('t', plane[1])
            geometry.add('plane', where)
        }
    }
    return feature
}

/** Coordinates of any depth, moved. */
static JsonArray moved(JsonArray coordinates, double dx, double dy) {
    def result = new JsonArray()
    if (coordinates.size() > 0 && coordinates.get(0) instanceof JsonPrimitive) {
        result.add(coordinates.get(0).getAsDouble() + dx)
        result.add(coordinates.get(1).getAsDouble() + dy)
    } else {
        coordinates.each { result.add(moved(it as JsonArray, dx, dy)) }
    }
    return result
}

/** Features as the document that QuPath reads. */
static InputStream streamOf(List<JsonObject> features) {
    def document = new JsonObject()
    def list = new JsonArray()
    features.each { list.add(it) }
    document.addProperty('type', 'FeatureCollection')
    document.add('features', list)
    return new ByteArrayInputStream(document.toString().getBytes(StandardCharsets.UTF_8))
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
