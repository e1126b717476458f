/*
 * Objects of an image in packed arrays: fifty thousand of them in a second or two.
 *
 * Compiled by QuPath's own Groovy, in the worker process. Names of methods that differ between
 * versions of QuPath are looked up once, in `Versions`.
 *
 * Arrays (n objects):
 *   xy              x0 y0 x1 y1 ... of all rings, closed; rings, polygons and objects by offsets
 *   rings           offsets into the points; polygons: offsets into the rings, the first of each
 *                   is its outer ring; outlines: offsets into the polygons, n + 1
 *   nucleusXy ...   the same for nuclei; an object without one has no polygons
 *   kind            0 detection, 1 cell, 2 annotation, 3 tile
 *   plane           c z t of each object, from 0; c is -1 for all channels
 *   classOf         index into classNames, -1 without
 *   color           packed RGB of the object itself, noColor without
 *   parentOf        index of the parent among the objects, -1 without
 *
 * Texts (ids, names, classNames, measurementNames, metadataNames, metadata) travel joined; see
 * `Texts`.
 */
import groovy.transform.CompileStatic
import java.util.function.IntConsumer
import java.util.function.IntFunction
import java.util.stream.IntStream
import org.locationtech.jts.geom.Coordinate
import org.locationtech.jts.geom.Geometry
import org.locationtech.jts.geom.LinearRing
import org.locationtech.jts.geom.MultiPolygon
import org.locationtech.jts.geom.Polygon
import qupath.lib.measurements.MeasurementList
import qupath.lib.measurements.MeasurementListFactory
import qupath.lib.geom.Point2
import qupath.lib.objects.PathAnnotationObject
import qupath.lib.objects.PathCellObject
import qupath.lib.objects.PathDetectionObject
import qupath.lib.objects.PathObject
import qupath.lib.objects.PathObjects
import qupath.lib.objects.PathTileObject
import qupath.lib.objects.classes.PathClass
import qupath.lib.objects.hierarchy.PathObjectHierarchy
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.GeometryTools
import qupath.lib.roi.PolygonROI
import qupath.lib.roi.ROIs
import qupath.lib.roi.interfaces.ROI

/** What differs between versions of QuPath, asked for once and not for every object. */
class Versions {
    // QuPath 0.5 and later; 0.4 has other names
    static final boolean METADATA = PathObject.getMethods().any { it.getName() == 'getMetadata' }
    // QuPath 0.6 and later, where asking for metadata makes them
    static final boolean ASKED = PathObject.getMethods().any { it.getName() == 'hasMetadata' }

    /** Metadata of each object; nothing where no object has any. */
    static Map<String, String>[] metadata(List<PathObject> objects) {
        Map<String, String>[] found = new Map[objects.size()]
        for (int i = 0; i < found.length; i++) {
            def object = objects[i]
            if (ASKED && !object.hasMetadata()) found[i] = Collections.emptyMap()
            else found[i] = METADATA ? object.getMetadata() : object.getMetadataMap()
        }
        return found
    }

    static void putMetadata(Object object, String key, String value) {
        if (METADATA) object.getMetadata().put(key, value)
        else object.putMetadataValue(key, value)
    }
}

/** Many texts in one, because each text that crosses to Python takes its time. */
@CompileStatic
class Texts {
    static final String BETWEEN = '\u0000'
    static final String NOTHING = '\u0001'

    static String[] split(Object joined) {
        String text = (String) joined
        if (text.isEmpty()) return new String[0]
        String[] found = text.split(BETWEEN, -1)
        for (int i = 0; i < found.length; i++) if (found[i] == NOTHING) found[i] = null
        return found
    }

    /** Texts of one object each, or null if one of them holds what joins them. */
    static String join(String[] texts) {
        StringBuilder joined = new StringBuilder()
        for (int i = 0; i < texts.length; i++) {
            String text = texts[i]
            if (text != null && (text.indexOf(0) >= 0 || text == NOTHING)) return null
            if (i > 0) joined.append(BETWEEN)
            joined.append(text == null ? NOTHING : text)
        }
        return joined.toString()
    }
}

@CompileStatic
class PackedObjects {
    static final int NO_COLOR = Integer.MIN_VALUE + 1

    /** Build the objects; they are not added to anything yet. */
    static List<PathObject> build(Map<String, Object> arrays) {
        byte[] kind = (byte[]) arrays.get('kind')
        int[] plane = (int[]) arrays.get('plane')
        int[] classOf = (int[]) arrays.get('classOf')
        int[] color = (int[]) arrays.get('color')
        byte[] locked = (byte[]) arrays.get('locked')
        String[] ids = Texts.split(arrays.get('ids'))
        String[] names = Texts.split(arrays.get('names'))
        String[] classNames = Texts.split(arrays.get('classNames'))
        int[] classColors = (int[]) arrays.get('classColors')
        String[] measurementNames = Texts.split(arrays.get('measurementNames'))
        double[] measurements = (double[]) arrays.get('measurements')
        String[] metadataNames = Texts.split(arrays.get('metadataNames'))
        String[] metadata = Texts.split(arrays.get('metadata'))
        PathClass[] classes = new PathClass[classNames.length]
        for (int i = 0; i < classes.length; i++) {
            classes[i] = PathClass.fromString(classNames[i])
            // a class is one for all of QuPath, and keeps the colour that it got first
            if (classColors[i] != NO_COLOR) classes[i].setColor(Integer.valueOf(classColors[i]))
        }
        Outlines outlines = new Outlines(arrays, '')
        Outlines nuclei = new Outlines(arrays, 'nucleus')
        PathObject[] built = new PathObject[kind.length]
        int m = measurementNames.length
        InParts.each(kind.length) { int i ->
            ImagePlane where = ImagePlane.getPlaneWithChannel(
                plane[3 * i], plane[3 * i + 1], plane[3 * i + 2])
            ROI roi = outlines.roi(i, where)
            PathClass pathClass = classOf[i] < 0 ? null : classes[classOf[i]]
            // QuPath's lists of numbers round to 32 bits, the one called DOUBLE too (0.6.0)
            MeasurementList list = MeasurementListFactory.createMeasurementList(
                m, MeasurementList.MeasurementListType.GENERAL)
            PathObject object
            if (kind[i] == (byte) 1) {
                object = PathObjects.createCellObject(roi, nuclei.roi(i, where), pathClass, list)
            } else if (kind[i] == (byte) 2) {
                object = PathObjects.createAnnotationObject(roi, pathClass)
                list = object.getMeasurementList()
            } else if (kind[i] == (byte) 3) {
                object = PathObjects.createTileObject(roi, pathClass, list)
            } else {
                object = PathObjects.createDetectionObject(roi, pathClass, list)
            }
            object.setID(UUID.fromString(ids[i]))
            if (names[i] != null) object.setName(names[i])
            if (color[i] != NO_COLOR) object.setColor(Integer.valueOf(color[i]))
            if (locked[i] != (byte) 0) object.setLocked(true)
            for (int j = 0; j < m; j++) {
                double value = measurements[i * m + j]
                if (!Double.isNaN(value)) list.put(measurementNames[j], value)
            }
            list.close()
            for (int j = 0; j < metadataNames.length; j++) {
                String value = metadata[i * metadataNames.length + j]
                if (value != null) Versions.putMetadata(object, metadataNames[j], value)
            }
            built[i] = object
        }
        return Arrays.asList(built)
    }

    /** Remove objects by their id; their children stay, under the parent of what was removed. */
    static int remove(PathObjectHierarchy hierarchy, String ids) {
        Set<String> wanted = new HashSet<>(Arrays.asList(Texts.split(ids)))
        List<PathObject> found = new ArrayList<>()
        for (PathObject object : hierarchy.getFlattenedObjectList(null)) {
            if (wanted.contains(object.getID().toString())) found.add(object)
        }
        hierarchy.removeObjects(found, true)
        return found.size()
    }

    /** Add objects, each under the object whose id is given, or the image itself where null. */
    static void add(PathObjectHierarchy hierarchy, List<PathObject> objects, String joined) {
        String[] parents = Texts.split(joined)
        Map<String, PathObject> there = new HashMap<>()
        for (PathObject object : hierarchy.getFlattenedObjectList(null)) {
            there.put(object.getID().toString(), object)
        }
        for (PathObject object : objects) there.put(object.getID().toString(), object)
        Map<PathObject, List<PathObject>> families = new LinkedHashMap<>()
        for (int i = 0; i < parents.length; i++) {
            PathObject parent = parents[i] == null ? null : there.get(parents[i])
            if (parent == null || parent.is(objects.get(i))) parent = hierarchy.getRootObject()
            families.computeIfAbsent(parent, { new ArrayList<PathObject>() }).add(objects.get(i))
        }
        for (Map.Entry<PathObject, List<PathObject>> family : families.entrySet()) {
            family.getKey().addChildObjects(family.getValue())
        }
        hierarchy.fireHierarchyChangedEvent(hierarchy.getRootObject())
    }

    /** Objects as QuPath has them after it saved and loaded them, in memory, as project files do. */
    static Map<String, Object> thereAndBack(Map<String, Object> arrays) {
        PathObjectHierarchy hierarchy = new PathObjectHierarchy()
        hierarchy.getRootObject().addChildObjects(build(arrays))
        ByteArrayOutputStream saved = new ByteArrayOutputStream()
        ObjectOutputStream output = new ObjectOutputStream(saved)
        output.writeObject(hierarchy)
        output.close()
        ObjectInputStream input = new ObjectInputStream(new ByteArrayInputStream(saved.toByteArray()))
        return read((PathObjectHierarchy) input.readObject())
    }

    private static boolean isEmpty(ROI roi) {
        // whether a polygon is empty QuPath finds out by measuring it, which takes its time
        return roi instanceof PolygonROI ? false : roi.isEmpty()
    }

    /** All objects that enclose an area, in packed arrays; `skipped` counts the others. */
    static Map<String, Object> read(PathObjectHierarchy hierarchy) {
        List<PathObject> objects = new ArrayList<>()
        Map<PathObject, Integer> index = new IdentityHashMap<>()
        int skipped = 0
        for (PathObject object : hierarchy.getFlattenedObjectList(null)) {
            if (object.isRootObject()) continue
            ROI roi = object.getROI()
            boolean known = object instanceof PathDetectionObject || object.isAnnotation()
            if (!known || roi == null || !roi.isArea() || isEmpty(roi)) {
                skipped++
                continue
            }
            index.put(object, objects.size())
            objects.add(object)
        }
        int n = objects.size()
        byte[] kind = new byte[n]
        byte[] locked = new byte[n]
        int[] plane = new int[3 * n]
        int[] classOf = new int[n]
        int[] color = new int[n]
        int[] parentOf = new int[n]
        String[] ids = new String[n]
        String[] names = new String[n]
        Map<PathClass, Integer> classes = new LinkedHashMap<>()
        Map<String, Integer> measured = new LinkedHashMap<>()
        Map<String, Integer> noted = new LinkedHashMap<>()
        Map<String, String>[] notes = Versions.metadata(objects)
        double[][] values = new double[n][]
        int[][] columns = new int[n][]
        List<String> named = null
        for (int i = 0; i < n; i++) {
            PathObject object = objects.get(i)
            ROI roi = object.getROI()
            kind[i] = object instanceof PathCellObject ? (byte) 1
                : object instanceof PathTileObject ? (byte) 3
                : object instanceof PathAnnotationObject ? (byte) 2 : (byte) 0
            locked[i] = object.isLocked() ? (byte) 1 : (byte) 0
            plane[3 * i] = roi.getC()
            plane[3 * i + 1] = roi.getZ()
            plane[3 * i + 2] = roi.getT()
            PathClass pathClass = object.getPathClass()
            if (pathClass == null || pathClass.is(PathClass.NULL_CLASS)) classOf[i] = -1
            else classOf[i] = classes.computeIfAbsent(pathClass, { classes.size() })
            Integer own = object.getColor()
            color[i] = own == null ? NO_COLOR : own.intValue()
            Integer parent = index.get(object.getParent())
            parentOf[i] = parent == null ? -1 : parent.intValue()
            ids[i] = object.getID().toString()
            names[i] = object.getName()
            for (String key : notes[i].keySet()) noted.putIfAbsent(key, noted.size())
            MeasurementList list = object.getMeasurementList()
            values[i] = list.values()
            List<String> titles = list.getMeasurementNames()
            if (i > 0 && titles == named) {  // most objects have the measurements of the one before
                columns[i] = columns[i - 1]
                continue
            }
            named = titles
            int[] places = new int[titles.size()]
            for (int j = 0; j < places.length; j++) {
                String name = titles.get(j)
                Integer place = measured.putIfAbsent(name, measured.size())
                places[j] = place == null ? measured.size() - 1 : place.intValue()
            }
            columns[i] = places
        }
        int m = measured.size()
        double[] measurements = new double[n * m]
        Arrays.fill(measurements, Double.NaN)
        String[] metadata = new String[n * noted.size()]
        for (int i = 0; i < n; i++) {
            double[] row = values[i]
            int[] places = columns[i]
            for (int j = 0; j < row.length; j++) measurements[i * m + places[j]] = row[j]
            for (Map.Entry<String, String> note : notes[i].entrySet()) {
                metadata[i * noted.size() + noted.get(note.getKey()).intValue()] = note.getValue()
            }
        }
        String[] classNames = new String[classes.size()]
        int[] classColors = new int[classes.size()]
        for (Map.Entry<PathClass, Integer> entry : classes.entrySet()) {
            classNames[entry.getValue()] = entry.getKey().toString()
            Integer shown = entry.getKey().getColor()
            classColors[entry.getValue()] = shown == null ? NO_COLOR : shown.intValue()
        }
        Map<String, Object> arrays = new HashMap<>()
        arrays.putAll([
            kind: kind, locked: locked, plane: plane, classOf: classOf, color: color,
            parentOf: parentOf, ids: ids, names: names, classNames: classNames,
            classColors: classColors, measurementNames: measured.keySet() as String[],
            measurements: measurements, metadataNames: noted.keySet() as String[],
            metadata: metadata, skipped: skipped
        ] as Map<String, Object>)
        OutlineWriter.of(n) { int i -> objects.get(i).getROI() }.into(arrays, '')
        OutlineWriter.of(n) { int i ->
            PathObject object = objects.get(i)
            return object instanceof PathCellObject ? ((PathCellObject) object).getNucleusROI() : null
        }.into(arrays, 'nucleus')
        for (String key : ['ids', 'names', 'classNames', 'measurementNames', 'metadataNames', 'metadata']) {
            String[] texts = (String[]) arrays.get(key)
            String joined = Texts.join(texts)
            // an empty text stands for no texts at all
            if (joined != null && !(joined.isEmpty() && texts.length > 0)) arrays.put(key, joined)
        }
        return arrays
    }
}

/** Outlines in packed arrays, as ROIs. */
@CompileStatic
class Outlines {
    private final double[] xy
    private final int[] rings
    private final int[] polygons
    private final int[] outlines

    Outlines(Map<String, Object> arrays, String which) {
        xy = (double[]) arrays.get(which + 'Xy')
        rings = (int[]) arrays.get(which + 'Rings')
        polygons = (int[]) arrays.get(which + 'Polygons')
        outlines = (int[]) arrays.get(which + 'Outlines')
    }

    ROI roi(int i, ImagePlane plane) {
        int first = outlines[i]
        int last = outlines[i + 1]
        if (first == last) return null
        if (last == first + 1 && polygons[last] == polygons[first] + 1) {
            int from = rings[polygons[first]]
            int count = rings[polygons[first] + 1] - from - 1  // a ROI closes itself
            double[] x = new double[count]
            double[] y = new double[count]
            for (int j = 0; j < count; j++) {
                x[j] = xy[2 * (from + j)]
                y[j] = xy[2 * (from + j) + 1]
            }
            return ROIs.createPolygonROI(x, y, plane)
        }
        def factory = GeometryTools.getDefaultFactory()
        Polygon[] parts = new Polygon[last - first]
        for (int p = first; p < last; p++) {
            LinearRing[] holes = new LinearRing[polygons[p + 1] - polygons[p] - 1]
            LinearRing shell = factory.createLinearRing(coordinates(polygons[p]))
            for (int h = 0; h < holes.length; h++) {
                holes[h] = factory.createLinearRing(coordinates(polygons[p] + 1 + h))
            }
            parts[p - first] = factory.createPolygon(shell, holes)
        }
        Geometry whole = parts.length == 1 ? (Geometry) parts[0] : factory.createMultiPolygon(parts)
        return GeometryTools.geometryToROI(whole, plane)
    }

    private Coordinate[] coordinates(int ring) {
        Coordinate[] found = new Coordinate[rings[ring + 1] - rings[ring]]
        for (int j = 0; j < found.length; j++) {
            int at = 2 * (rings[ring] + j)
            found[j] = new Coordinate(xy[at], xy[at + 1])
        }
        return found
    }
}

/** Work on many objects, shared among the machine's cores. */
@CompileStatic
class InParts {
    static final int SMALL = 1000

    /** First objects of the parts, and the end of the last. */
    static int[] bounds(int n) {
        int parts = Math.max(1, Math.min(Runtime.getRuntime().availableProcessors(), n.intdiv(SMALL)))
        int[] bounds = new int[parts + 1]
        for (int part = 0; part <= parts; part++) bounds[part] = (int) ((long) n * part).intdiv(parts)
        return bounds
    }

    static void each(int n, IntConsumer work) {
        int[] bounds = bounds(n)
        IntStream.range(0, bounds.length - 1).parallel().forEach { int part ->
            for (int i = bounds[part]; i < bounds[part + 1]; i++) work.accept(i)
        }
    }
}

/** Where each part ends in an array that grows; the first begins at 0. */
@CompileStatic
class Offsets {
    private int[] ends = new int[1 << 12]
    private int parts = 0

    void add(int end) {
        if (parts + 1 == ends.length) ends = Arrays.copyOf(ends, 2 * ends.length)
        ends[++parts] = end
    }

    /** How many parts there are. */
    int count() { parts }

    int[] all() { Arrays.copyOf(ends, parts + 1) }

    /** Append other parts, whose array comes behind this one's. */
    void append(Offsets others) {
        int base = ends[parts]
        for (int part = 1; part <= others.parts; part++) add(base + others.ends[part])
    }
}

/** ROIs, packed into arrays. */
@CompileStatic
class OutlineWriter {
    private double[] xy = new double[1 << 16]
    private int size = 0
    private final Offsets rings = new Offsets()
    private final Offsets polygons = new Offsets()
    private final Offsets outlines = new Offsets()

    /** The outlines of n objects, in their order. */
    static OutlineWriter of(int n, IntFunction<ROI> outline) {
        int[] bounds = InParts.bounds(n)
        OutlineWriter[] writers = new OutlineWriter[bounds.length - 1]
        IntStream.range(0, writers.length).parallel().forEach { int part ->
            OutlineWriter writer = new OutlineWriter()
            for (int i = bounds[part]; i < bounds[part + 1]; i++) writer.add(outline.apply(i))
            writers[part] = writer
        }
        for (int part = 1; part < writers.length; part++) writers[0].append(writers[part])
        return writers[0]
    }

    private void append(OutlineWriter other) {
        if (size + other.size > xy.length) xy = Arrays.copyOf(xy, 2 * (size + other.size))
        System.arraycopy(other.xy, 0, xy, size, other.size)
        size += other.size
        rings.append(other.rings)
        polygons.append(other.polygons)
        outlines.append(other.outlines)
    }

    void add(ROI roi) {
        if (roi instanceof PolygonROI) {
            // its own points: as a geometry, an outline that crosses itself would change
            List<Point2> points = roi.getAllPoints()
            if (points.size() > 2) {
                for (Point2 point : points) put(point.getX(), point.getY())
                put(points.get(0).getX(), points.get(0).getY())
                rings.add(size >> 1)
                polygons.add(rings.count())
            }
        } else if (roi != null) {
            Geometry geometry = roi.getGeometry()
            for (int p = 0; p < geometry.getNumGeometries(); p++) {
                Geometry part = geometry.getGeometryN(p)
                if (!(part instanceof Polygon) || part.isEmpty()) continue
                Polygon polygon = (Polygon) part
                ring(polygon.getExteriorRing().getCoordinates())
                for (int h = 0; h < polygon.getNumInteriorRing(); h++) {
                    ring(polygon.getInteriorRingN(h).getCoordinates())
                }
                polygons.add(rings.count())
            }
        }
        outlines.add(polygons.count())
    }

    void into(Map<String, Object> arrays, String which) {
        arrays.put(which + 'Xy', Arrays.copyOf(xy, size))
        arrays.put(which + 'Rings', rings.all())
        arrays.put(which + 'Polygons', polygons.all())
        arrays.put(which + 'Outlines', outlines.all())
    }

    private void ring(Coordinate[] coordinates) {
        for (Coordinate coordinate : coordinates) put(coordinate.getX(), coordinate.getY())
        rings.add(size >> 1)
    }

    private void put(double x, double y) {
        if (size + 2 > xy.length) xy = Arrays.copyOf(xy, 2 * xy.length)
        xy[size++] = x
        xy[size++] = y
    }
}

PackedObjects
