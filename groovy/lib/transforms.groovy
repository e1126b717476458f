// What QuPath shows of an image's file: rotated, cropped, flipped or rescaled, as its server builder says.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import java.awt.geom.AffineTransform
import java.awt.geom.Rectangle2D
import qupath.lib.io.GsonTools

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
