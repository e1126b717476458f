// import_detections.groovy: brings objects of a GeoJSON file into the open image.
//
// Needs   QuPath 0.4 to 0.7, an image, and a .geojson (or .json, each also with .gz), for instance
//         of `starbridge segment` or `starbridge convert`; or the whole results folder, in which
//         geojson/NAME.geojson belongs to the image NAME.
// Writes  objects with the UUIDs, classes and measurements of the file. An object that the image
//         has already (the same UUID) is left as it is, so that a second run changes nothing and
//         a review is not undone. With replace=true, objects that this script or
//         run_starbridge.groovy imported earlier go first; others are never touched.
//
// An image that is its file rotated, cropped, flipped or rescaled gets the objects that starbridge
// found in the file where they belong. Of GeoJSON from elsewhere the coordinates are QuPath's own.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run; with a
//                results folder also Run › Run for project.
// Command line   QuPath script import_detections.groovy -p PROJECT/project.qpproj -i IMAGE -s
//                    -a from=RESULTS
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import com.google.gson.Gson
import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import com.google.gson.stream.JsonReader
import com.google.gson.stream.JsonToken
import java.awt.geom.AffineTransform
import java.awt.geom.Rectangle2D
import java.nio.charset.StandardCharsets
import java.util.zip.GZIPInputStream
import qupath.lib.io.GsonTools
import qupath.lib.io.PathIO
import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    from: '',           // the GeoJSON file, or the results folder of starbridge segment
    importAs: '',       // 'detection', 'cell' or 'annotation'; '' means the file's types
    replace: false,     // first remove what was imported earlier
    nest: true,         // put objects below the annotations that they lie in
    anyImage: false,    // take the file even if it was made from an image of another name or size
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))

def imageData = openImageData()
def server = imageData.getServer()
String imageName = QP.getProjectEntry()?.getImageName() ?: server.getMetadata().getName()
List<String> names = candidateNames(imageName, server.getURIs().collect { it.getPath() ?: '' })

File file = findGeojson(settings.from, names)
def view = fileTransform(server)
def plan = planImport(file, view, settings.anyImage)
def content = readObjects(file, settings.importAs, plan.map, null)
if (!settings.anyImage) {
    String problem = imageMismatch(content.image, names, plan.size[0], plan.size[1])
    if (!problem && !plan.isFile)
        problem = objectsMismatch(content.objects, plan.size[0], plan.size[1])
    if (problem)
        throw new IllegalStateException(
            "${file.name} does not belong to ${imageName}: ${problem} Open the right image, or set anyImage to true.")
}

def objects = plan.isFile ? visibleObjects(content.objects, view.shown[0], view.shown[1]) : content.objects

// Everything is read before the image's objects are touched.
int removed = settings.replace ? removeImported(imageData, null) : 0
int added = addImported(imageData, null, objects, settings.nest)
println("${file.name}: ${added} objects imported into ${imageName}")
if (removed)
    println("${removed} objects of an earlier import were replaced.")
if (added < objects.size())
    println("${objects.size() - added} objects were there already and stay as they are.")
if (objects.size() < content.objects.size())
    println("${content.objects.size() - objects.size()} objects lie where the image shows nothing of its file, and were left out.")
if (content.leftOut)
    println("${content.leftOut} objects of the file have no outline and were left out.")

// ---- Library of starbridge: built from groovy/lib, nothing to set below -------------------------

// -- lib/files.groovy --

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

/** Return the image's name and size from a GeoJSON file of starbridge; an empty map for other files. */
static Map readImageInfo(File file) {
    try {
        return imageInfo(openText(file).withCloseable { reader -> readFeatures(reader) { feature -> } })
    } catch (Exception error) {
        throw new IllegalStateException(
            "${file} cannot be read as GeoJSON (${error.message}): export or copy it again.")
    }
}

/** Return how a GeoJSON file's objects come onto an image: the `map`, the `size` of the image that they lie in, and whether that `isFile`. */
static Map planImport(File file, Map view, boolean anyImage) {
    def image = view.moves || view.problem ? readImageInfo(file) : [:]
    // Without information on an image it is QuPath's own file.
    if (!image.width || image.coordinates == 'shown' || view.problem && anyImage)
        return [map: new AffineTransform(), size: view.shown, isFile: false]
    if (view.problem)
        throw new IllegalStateException(
            "The image ${view.problem}, so that objects of a file have no place in it: "
            + 'export the image as OME-TIFF and use that.')
    return [map: view.map, size: view.file ?: [image.width, image.height], isFile: true]
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

/** Return the GeoJSON file that settings name, or the one of an image in a results folder. */
static File findGeojson(String from, List<String> names) {
    if (!from)
        throw new IllegalArgumentException(
            'Which file? Set from to a GeoJSON file or to the results folder of starbridge segment.')
    File given = new File(from)
    if (given.isFile())
        return given
    if (!given.isDirectory())
        throw new FileNotFoundException("${given} does not exist.")
    for (folder in [new File(given, 'geojson'), given]) {
        for (name in names) {
            for (ending in ['.geojson', '.geojson.gz', '.json', '.json.gz']) {
                File file = new File(folder, name + ending)
                // A name must not lead out of the folder.
                if (file.isFile() && file.getCanonicalFile().getParentFile() == folder.getCanonicalFile())
                    return file
            }
        }
    }
    throw new FileNotFoundException("${given} holds no geojson/${names[0]}.geojson for this image.")
}

/** List the names that an image may have in a results folder, the most likely one first. */
static List<String> candidateNames(String imageName, List<String> paths) {
    List<String> files = paths.collect { it.substring(it.lastIndexOf('/') + 1) }
    return ([imageName] + files).collectMany { [baseName(it), it] }.findAll { it }.unique()
}

/** Return why a file belongs to another image than this one; '' if it does not. */
static String imageMismatch(Map image, List<String> names, int width, int height) {
    if (image.width && image.height && (image.width != width || image.height != height))
        return "it was made from an image of ${image.width} x ${image.height} pixels, " +
            "and this one has ${width} x ${height}."
    if (image.name && !names.any { it.equalsIgnoreCase(image.name) })
        return "it was made from the image ${image.name}."
    return ''
}

/** Return why objects cannot belong to an image of this size; '' if they can. */
static String objectsMismatch(List objects, int width, int height) {
    // The rays of a star outline begin in the image and may end beyond its border.
    int beyond = objects.count {
        def roi = it.getROI()
        double x = roi.getBoundsX(), y = roi.getBoundsY()
        x >= width || y >= height || x + roi.getBoundsWidth() <= 0 || y + roi.getBoundsHeight() <= 0
    }
    return beyond ? "${beyond} of its objects lie outside the image." : ''
}

/** Return the objects of which an image of a size shows something. */
static List visibleObjects(List objects, int width, int height) {
    return objects.findAll {
        def roi = it.getROI()
        double x = roi.getBoundsX(), y = roi.getBoundsY()
        x < width && y < height && x + roi.getBoundsWidth() > 0 && y + roi.getBoundsHeight() > 0
    }
}

// -- lib/images.groovy --

/** Return the data of the open image. */
static Object openImageData() {
    def imageData = QP.getCurrentImageData()
    if (imageData == null)
        throw new IllegalStateException('No image is open: open one, or name it with -p PROJECT -i IMAGE.')
    return imageData
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
