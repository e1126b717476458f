// Annotations: those to look in, and their export as regions and ROIs.

import ij.ImagePlus
import ij.ImageStack
import ij.gui.Roi
import ij.io.RoiEncoder
import ij.plugin.ChannelSplitter
import java.util.regex.Pattern
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import qupath.imagej.tools.IJTools
import qupath.lib.io.GsonTools
import qupath.lib.roi.PolygonROI
import qupath.lib.scripting.QP

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

/** Return the annotation around the whole image, which is made if the image has none. */
static Object wholeImageAnnotation(imageData) {
    String name = 'Whole image'
    def whole = imageData.getHierarchy().getAnnotationObjects().find { it.getName() == name }
    if (whole == null) {
        whole = QP.createFullImageAnnotation(imageData, false)
        whole.setName(name)
    }
    return whole
}

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
