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
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import com.google.gson.Gson
import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import com.google.gson.stream.JsonReader
import com.google.gson.stream.JsonToken
import ij.io.FileSaver
import java.awt.geom.AffineTransform
import java.nio.charset.StandardCharsets
import java.nio.file.Files
import java.nio.file.StandardCopyOption
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
    channel: '',            // channel of the nuclei: a name (DAPI) or a number from 0 (Channel 1 is 0); several with ,
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

settings = applyArguments(settings, commandLineArguments(binding))

def imageData = openImageData()
def server = imageData.getServer()
def parents = chooseAnnotations(imageData, settings.within, settings.annotationClass)
File folder = Files.createTempDirectory('starbridge-').toFile()
try {
    List<Map> parts = imageParts(server, parents, settings.margin as int, folder)
    File results = new File(folder, 'results')
    def words = segmentCommand(settings, parts*.image*.getPath(), results.getPath())
    println(words.join(' '))
    runCommand(words) { line -> println(line) }

    // Everything is read before the image's objects are touched.
    parts.each { part -> part.objects = readPart(results, part, server, settings.importAs) }
    int removed = 0, added = 0
    parts.each { part ->
        if (settings.replace)
            removed += removeImported(imageData, part.parent)
        added += addImported(imageData, part.parent, part.objects, true)
    }
    imageData.getHierarchy().fireHierarchyChangedEvent(imageData.getHierarchy())
    String replaced = removed ? "; ${removed} of an earlier run were replaced" : ''
    println("${added} nuclei imported into ${imageName(imageData)}${replaced}")
} finally {
    folder.deleteDir()
}

// ---- Library of starbridge: built from groovy/lib, nothing to set below -------------------------

// -- lib/annotations.groovy --

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

// -- lib/command.groovy --

/** List the images to segment, each a file with its parent annotation and position; writes regions. */
List<Map> imageParts(server, List parents, int margin, File folder) {
    File local = parents ? null : localFile(server)
    if (local != null)
        return [[image: local, isWhole: true, parent: null, x: 0, y: 0, plane: null]]
    if (!parents && server.nZSlices() * server.nTimepoints() > 1)
        throw new IllegalStateException('The image has several planes: select annotations on the planes to segment.')
    return (parents ?: [null]).withIndex().collect { parent, n ->
        def roi = parent?.getROI()
        List<Integer> box = roi == null
            ? [0, 0, server.getWidth(), server.getHeight()]
            : boxAround(server, roi, margin)
        List<Integer> plane = roi == null ? [0, 0] : [roi.getZ(), roi.getT()]
        File file = new File(folder, String.format('region_%04d.tif', n + 1))
        writeTiff(file, readRegion(server, box, plane, 1.0d,
            'draw smaller annotations, or save the image as TIFF and open that.'))
        [image: file, isWhole: false, parent: parent, x: box[0], y: box[1], plane: plane]
    }
}

/** Read the objects that starbridge found in one of the images of `imageParts`, at their place. */
static List readPart(File results, Map part, server, String importAs) {
    File file = new File(results, 'geojson/' + baseName(part.image.name) + '.geojson')
    if (!file.isFile())
        throw new FileNotFoundException("starbridge wrote no result for ${part.image.name}.")
    def content = readObjects(file, importAs, AffineTransform.getTranslateInstance(part.x, part.y), part.plane)
    def image = content.image
    boolean isSame = image.width == server.getWidth() && image.height == server.getHeight()
    if (part.isWhole && image.width && !isSame)
        throw new IllegalStateException(
            "starbridge read ${image.width} x ${image.height} pixels of ${part.image.name}, and QuPath shows "
            + "${server.getWidth()} x ${server.getHeight()}: select an annotation, so that QuPath writes the pixels.")
    if (part.parent == null)
        return content.objects
    def roi = part.parent.getROI()
    return content.objects.findAll { roi.contains(it.getROI().getCentroidX(), it.getROI().getCentroidY()) }
}

/** Return the image's file if starbridge reads the same pixels in it as QuPath; else null. */
static File localFile(server) {
    // A rotated, cropped or otherwise changed image has a builder of another class.
    def builder = server.getBuilder()
    if (builder == null || builder.getClass().getSimpleName() != 'DefaultImageServerBuilder')
        return null
    return localImage(builder.getURI(), builder.getArgs() as List)
}

/** Return the local file of a URI if starbridge reads its format and it is the first series; else null. */
static File localImage(URI uri, List<String> serverArguments) {
    if (uri == null || uri.getScheme() != 'file' || uri.getPath() == null)
        return null
    // Other arguments than the first series choose, swap or turn what is read.
    def words = (serverArguments ?: []).collectMany { it.startsWith('--') ? it.split('=', 2) as List : [it] }
    if (!words.collate(2).every { it == ['--series', '0'] || it[0] in ['--classname', '--bfOptions'] })
        return null
    File file = new File(uri.getPath())
    return file.isFile() && file.name =~ /(?i)\.(tiff?|btf|h5|hdf5)$/ ? file : null
}

/** Return the command as a list of separate arguments, which no shell interprets. */
static List<String> segmentCommand(Map settings, List<String> images, String results) {
    List<String> words = [settings.command.toString(), 'segment'] + images
    words += ['--out', results, '--model', settings.model.toString()]
    words += ['--outline', settings.outline.toString(), '--format', 'geojson']
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

/**
 * Run a command to its end and pass each line of its output to `show`; fail with its own message.
 *
 * A line `starbridge asks: NAME` is a request: the step of this name is done, and the command told so.
 */
static void runCommand(List<String> words, Closure show, Map<String, Closure> steps = [:]) {
    def builder = new ProcessBuilder(words).redirectErrorStream(true)
    builder.environment().putAll([PYTHONUTF8: '1', PYTHONUNBUFFERED: '1', NO_COLOR: '1'])
    Process process
    try {
        process = builder.start()
    } catch (IOException error) {
        // Without the cause, because QuPath shows the message of the innermost exception only.
        throw new IllegalStateException(
            "The command ${words[0]} cannot be started (${error.message}): set command to starbridge's command with its folder "
            + '(in a terminal, "which starbridge" shows it; on Windows "where starbridge").')
    }
    if (!steps)
        process.getOutputStream().close()
    def lines = new LinkedBlockingQueue<String>()
    def listener = Thread.startDaemon { process.getInputStream().eachLine('UTF-8') { lines.put(it) } }
    def output = []
    try {
        // Unlike reading, waiting for the queue ends when the script is stopped.
        while (listener.isAlive() || !lines.isEmpty()) {
            String line = lines.poll(200, TimeUnit.MILLISECONDS)
            def step = line == null ? null : steps[line - 'starbridge asks: ']
            if (step != null) {
                step()
                process.getOutputStream().write('done\n'.getBytes())
                process.getOutputStream().flush()
            } else if (line != null) {
                output << line
                show(line)
            }
        }
        int status = process.waitFor()
        if (status != 0)
            throw new IllegalStateException('starbridge failed: ' + failureReason(output, status))
    } finally {
        if (steps)
            endConversation(process)
        process.descendants().each { it.destroy() }
        process.destroy()
    }
}

/** Let a command that asks for steps see that no more are done, and bring its files in order. */
static void endConversation(Process process) {
    boolean isStopped = Thread.interrupted()
    try {
        process.getOutputStream().close()
    } catch (IOException ignored) {
        // it has ended already
    }
    process.waitFor(1, TimeUnit.MINUTES)
    if (isStopped)
        Thread.currentThread().interrupt()
}

/** Return the lines of a command's output that say why it failed. */
static String failureReason(List<String> output, int status) {
    def lines = output.collect { it.trim() }.findAll { it }
    def failures = lines.findAll { it.toLowerCase().contains('failed: ') }
    def last = lines ? [lines.last()] : []
    def reasons = (failures ?: last).collect { it.replaceFirst(/^(\d+\/\d+ failed|starbridge|Error): /, '') }
    return reasons ? reasons.join('; ') : "it ended with status ${status} and no output."
}

// -- lib/files.groovy --

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

/** Return an image's name without the ending of its format and what Bio-Formats adds behind it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}

// -- lib/geojson.groovy --

/** Read a GeoJSON file's `objects`, mapped and moved onto a plane, its `image` and how many it `leftOut`. */
static Map readObjects(File file, String importAs, AffineTransform map, List<Integer> plane) {
    if (!(importAs in ['', 'detection', 'cell', 'annotation']))
        throw new IllegalArgumentException("importAs is '${importAs}'; choose detection, cell or annotation.")
    List objects = []
    List<JsonObject> waiting = []
    int leftOut = 0
    def flush = {
        if (waiting)
            objects.addAll(PathIO.readObjectsFromGeoJSON(toStream(waiting)))
        waiting.clear()
    }
    JsonObject head
    try {
        head = openText(file).withCloseable { reader ->
            readFeatures(reader) { JsonObject feature ->
                if (!hasGeometry(feature)) {
                    leftOut++
                    return
                }
                waiting << prepareFeature(feature, importAs, map, plane)
                if (waiting.size() >= 5000)
                    flush()
            }
        }
        flush()
    } catch (Exception error) {
        throw new IllegalStateException(
            "${file} cannot be read as GeoJSON (${error.message}): export or copy it again.")
    }
    return [objects: objects.findAll { it.hasROI() }, image: imageInfo(head), leftOut: leftOut]
}

/** Return the image's name and size from a file of starbridge; an empty map for other files. */
static Map imageInfo(JsonObject head) {
    try {
        def image = head.getAsJsonObject('starbridge').getAsJsonObject('image')
        def value = { name -> image.get(name)?.isJsonPrimitive() ? image.get(name) : null }
        return [
            name: value('name')?.getAsString(),
            width: value('width')?.getAsInt(),
            height: value('height')?.getAsInt(),
            coordinates: value('coordinates')?.getAsString(),
        ].findAll { name, known -> name != 'coordinates' || known }
    } catch (Exception ignored) {
        return [:]
    }
}

/** Open a text file, gzipped or not: its content decides, not its name. */
static Reader openText(File file) {
    def stream = new BufferedInputStream(new FileInputStream(file))
    stream.mark(2)
    boolean zipped = stream.read() == 0x1f && stream.read() == 0x8b
    stream.reset()
    return new InputStreamReader(zipped ? new GZIPInputStream(stream) : stream, StandardCharsets.UTF_8)
}

/** Pass each feature to `takeOne`, children too, and return the other members of the document. */
static JsonObject readFeatures(Reader text, Closure takeOne) {
    def gson = new Gson()
    def take = { JsonObject feature -> withChildren(feature).each(takeOne) }
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

/**
 * Return a feature and the objects below it, of any depth, as features of their own, parents first.
 * QuPath writes a whole hierarchy into its root, which is no object itself.
 */
static List<JsonObject> withChildren(JsonObject feature) {
    List<JsonObject> found = []
    def waiting = new ArrayDeque<JsonObject>([feature])
    while (waiting) {
        def next = waiting.pop()
        def properties = next.get('properties')
        def children = null
        boolean isRoot = false
        if (properties instanceof JsonObject) {
            children = properties.remove('childObjects')
            def kind = properties.get('objectType')
            isRoot = kind instanceof JsonPrimitive && kind.getAsString() == 'root'
        }
        if (!isRoot)
            found << next
        if (children instanceof JsonArray)
            for (int n = children.size() - 1; n >= 0; n--)
                waiting.push(children.get(n).getAsJsonObject())
    }
    return found
}

/** Return true if a feature has a geometry with coordinates; QuPath stops at one that has none. */
static boolean hasGeometry(JsonObject feature) {
    def geometry = feature.get('geometry')
    def coordinates = geometry instanceof JsonObject ? geometry.get('coordinates') : null
    return coordinates instanceof JsonArray && coordinates.size() > 0
}

/** Change a feature into one that QuPath reads: of a type, mapped, and on a plane [z, t] if one is given. */
static JsonObject prepareFeature(JsonObject feature, String importAs, AffineTransform map, List<Integer> plane) {
    feature.addProperty('type', 'Feature')
    if (!(feature.get('properties') instanceof JsonObject))
        feature.add('properties', new JsonObject())
    def properties = feature.getAsJsonObject('properties')
    if (importAs)
        properties.addProperty('objectType', importAs)
    if (importAs == 'cell' && !(feature.get('nucleusGeometry') instanceof JsonObject))
        feature.add('nucleusGeometry', feature.get('geometry').deepCopy())
    def pathClass = properties.get('classification')
    // QuPath stops at a class without a colour, but takes a class that is a plain name.
    boolean plain = pathClass instanceof JsonObject && !pathClass.has('color') && !pathClass.has('colorRGB')
    if (plain && pathClass.get('name') instanceof JsonPrimitive)
        properties.add('classification', pathClass.get('name'))
    nameMissingNumbers(properties.get('measurements'))
    if (!map.isIdentity())
        mapFeature(feature, map)
    for (name in ['geometry', 'nucleusGeometry']) {
        def geometry = feature.get(name)
        if (geometry instanceof JsonObject && plane != null) {
            def member = new JsonObject()
            member.addProperty('c', -1)
            member.addProperty('z', plane[0])
            member.addProperty('t', plane[1])
            geometry.add('plane', member)
        }
    }
    return feature
}

/** Write NaN for measurements that are null: QuPath leaves those out of a map, and stops at them in a list. */
static void nameMissingNumbers(JsonElement measurements) {
    if (measurements instanceof JsonObject) {
        List<String> missing = measurements.keySet().findAll { measurements.get(it).isJsonNull() } as List
        missing.each { measurements.addProperty(it, 'NaN') }
    } else if (measurements instanceof JsonArray) {
        measurements.findAll { it instanceof JsonObject && it.get('value')?.isJsonNull() }
            .each { it.addProperty('value', 'NaN') }
    }
}

/** Return features as the stream of a document that QuPath reads. */
static InputStream toStream(List<JsonObject> features) {
    def document = new JsonObject()
    def list = new JsonArray()
    features.each { list.add(it) }
    document.addProperty('type', 'FeatureCollection')
    document.add('features', list)
    return new ByteArrayInputStream(document.toString().getBytes(StandardCharsets.UTF_8))
}

// -- lib/images.groovy --

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

// -- lib/importing.groovy --

/** Add objects whose UUIDs the image lacks, below an annotation if one is given; return their number. */
int addImported(imageData, parent, List objects, boolean nest) {
    def hierarchy = imageData.getHierarchy()
    Set known = hierarchy.getAllObjects(false)*.getID() as Set
    List added = objects.findAll { known.add(it.getID()) }
    if (parent != null)
        parent.addChildObjects(added)
    else if (nest)
        hierarchy.insertPathObjects(added)
    else
        hierarchy.addObjects(added)
    recordImported(imageData, added, known)
    return added.size()
}

/** Remove the objects of earlier imports, below an annotation if one is given; return their number. */
int removeImported(imageData, parent) {
    def hierarchy = imageData.getHierarchy()
    Set<String> imported = importedIds(imageData)
    def candidates = parent == null ? hierarchy.getAllObjects(false) : parent.getChildObjects()
    Collection ours = candidates.findAll { it.getID().toString() in imported }
    hierarchy.removeObjects(ours, true)
    return ours.size()
}

/** Return the UUIDs of the objects of earlier imports. */
static Set<String> importedIds(imageData) {
    return (imageData.getProperty('starbridge.imported') ?: '').toString().readLines() as Set
}

/** Record objects as imported; of earlier ones, keep the UUIDs that are still `present`. */
static void recordImported(imageData, Collection objects, Collection present) {
    Set<String> ids = present*.toString() as Set
    Set<String> imported = importedIds(imageData).findAll { it in ids } + objects*.getID()*.toString()
    imageData.setProperty('starbridge.imported', imported.join('\n'))
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
