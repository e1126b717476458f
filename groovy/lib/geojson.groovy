// GeoJSON files: objects of QuPath with their UUIDs, and starbridge's information on the image.

import com.google.gson.Gson
import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import com.google.gson.stream.JsonReader
import com.google.gson.stream.JsonToken
import java.awt.geom.AffineTransform
import java.nio.charset.StandardCharsets
import java.util.zip.GZIPInputStream
import qupath.lib.io.GsonTools
import qupath.lib.io.PathIO

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
