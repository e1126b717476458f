// take_new_segmentation.groovy: pushes a new segmentation into the open image; no edit is lost.
//
// Needs   QuPath 0.4 to 0.7, an image that is open in a project, and starbridge installed on this
//         computer: say below where its command is, unless a terminal finds it by its name alone.
// Writes  what `starbridge qupath push` would write, merged with your edits, those that you have not
//         saved yet among them: objects that you deleted stay deleted, objects that you drew, reshaped
//         or locked stay as they are. The image is saved before and after. Edit › Undo takes it back
//         in one step.
//
// Without detections, the image is segmented by `starbridge segment` first, with the settings below
// that begin with the model.
//
// Script editor  Automate › User scripts › StarBridge, fill in the settings, Run.
// Command line   QuPath script take_new_segmentation.groovy -p PROJECT/project.qpproj -i IMAGE
//                    -a detections=RESULTS
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import com.google.gson.GsonBuilder
import groovy.transform.CompileStatic
import ij.io.FileSaver
import java.lang.reflect.Method
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.StandardCharsets
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.util.concurrent.Callable
import java.util.concurrent.ExecutionException
import java.util.concurrent.FutureTask
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.function.IntConsumer
import java.util.function.IntFunction
import java.util.stream.IntStream
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream
import javafx.application.Platform
import javafx.scene.control.Alert
import org.locationtech.jts.geom.Coordinate
import org.locationtech.jts.geom.Geometry
import org.locationtech.jts.geom.LinearRing
import org.locationtech.jts.geom.Polygon
import org.locationtech.jts.io.WKBWriter
import qupath.imagej.tools.IJTools
import qupath.lib.geom.Point2
import qupath.lib.gui.QuPathGUI
import qupath.lib.measurements.Measurement
import qupath.lib.measurements.MeasurementList
import qupath.lib.measurements.MeasurementListFactory
import qupath.lib.objects.PathAnnotationObject
import qupath.lib.objects.PathCellObject
import qupath.lib.objects.PathDetectionObject
import qupath.lib.objects.PathObject
import qupath.lib.objects.PathObjects
import qupath.lib.objects.PathTileObject
import qupath.lib.objects.TMACoreObject
import qupath.lib.objects.classes.PathClass
import qupath.lib.objects.hierarchy.PathObjectHierarchy
import qupath.lib.objects.hierarchy.events.PathObjectHierarchyListener
import qupath.lib.regions.ImagePlane
import qupath.lib.regions.RegionRequest
import qupath.lib.roi.GeometryTools
import qupath.lib.roi.PolygonROI
import qupath.lib.roi.ROIs
import qupath.lib.roi.interfaces.ROI
import qupath.lib.scripting.QP
import qupath.lib.scripting.ScriptParameters

// ---- Settings: '' means the command's own --------------------------------------------------------
def settings = [
    command: 'starbridge',  // starbridge's command, with its folder where a terminal does not find it
    detections: '',         // results folder of `starbridge segment`, or a file; '' segments the image
    kind: '',               // what new objects become: 'detection', 'cell' or 'annotation'
    inside: '',             // only objects in annotations of this class; others stay as they are
    onlyClasses: '',        // only objects of this class; several with ,
    layer: '',              // layer of the objects, for those that lie over others
    keepUntouched: false,   // keep objects that nobody edited and that are not found again
    conflicts: '',          // mark objects in conflict: a Neuron becomes Neuron: CONFLICTS
    model: 'demo',          // folder of a StarDist model (stardist_haug2), or 'demo'
    channel: '',            // channel of the nuclei: a name (DAPI) or a number from 0 (Channel 1 is 0); several with ,
    probability: '',        // threshold, 0 to 1
    overlap: '',            // overlap threshold (NMS), 0 to 1
    percentiles: '',        // intensities brought to 0 and 1: '0.2 99.8'
    pixelSize: '',          // µm per pixel of the image, where QuPath does not know it
    outline: 'star',        // 'star' (smooth) or 'traced' (along the pixels' edges)
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
String title = 'Take new segmentation'

tellErrors(title) {
    def imageData = openImageData()
    def entry = openEntry(imageData)
    skipUndoOfScriptEnd(imageData.getHierarchy())
    File folder = Files.createTempDirectory('starbridge-').toFile()
    try {
        String detections = settings.detections
        List<String> options = []
        if (!detections) {
            Map part = imageParts(imageData.getServer(), [], 0, folder)[0]
            File results = new File(folder, 'results')
            runCommand(segmentCommand(settings, [part.image.getPath()], results.getPath())) { line -> println(line) }
            detections = new File(results, 'geojson/' + baseName(part.image.name) + '.geojson').getPath()
            // the pixels of anything but a plain file were written as QuPath shows them
            if (!part.isWhole)
                options << '--as-shown'
        }
        def words = imageCommand(settings, 'take', entry, folder)
        words.addAll(3, options + mergeOptions(settings, detections))
        List<String> lines = []
        runCommand(words, { line -> lines << line }, pushSteps(imageData, entry, folder))
        QP.getProject().syncChanges()
        tell(title, lines)
    } finally {
        folder.deleteDir()
    }
}

// ---- Library of starbridge: built from groovy/lib, nothing to set below -------------------------

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

// -- lib/images.groovy --

/** Return the data of the open image. */
static Object openImageData() {
    def imageData = QP.getCurrentImageData()
    if (imageData == null)
        throw new IllegalStateException('No image is open: open one, or name it with -p PROJECT -i IMAGE.')
    return imageData
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

// -- lib/open_image.groovy --

/** Return the open image's entry in its project. */
static Object openEntry(imageData) {
    def entry = QP.getProject()?.getEntry(imageData)
    if (entry == null)
        throw new IllegalStateException('The open image is in no project: add it to one, and open it there.')
    return entry
}

/** Return a command of starbridge for the open image as a list of separate arguments. */
static List<String> imageCommand(Map settings, String name, entry, File folder) {
    String project = QP.getProject().getPath().toFile().getPath()
    return [settings.command.toString(), 'qupath', name, '--exchange=' + folder.getPath(), '--', project, entry.getID()]
}

/** Return the options of a merge as separate arguments. */
static List<String> mergeOptions(Map settings, String detections) {
    List<String> words = ['--detections=' + detections]
    [kind: '--as', inside: '--inside', layer: '--layer', conflicts: '--conflicts'].each { name, option ->
        if (settings[name].toString() != '')
            words << option + '=' + settings[name]
    }
    settings.onlyClasses.toString().split(',').collect { it.trim() }.findAll { it }.each { words << '--class=' + it }
    if (settings.keepUntouched)
        words << '--keep-untouched'
    return words
}

/** Write the objects of an image into a folder, and what QuPath knows of the image. */
static Map<String, Object> packObjects(imageData, hierarchy, File folder) {
    Map<String, Object> packed = PackedObjects.read(hierarchy)
    writePacked(folder,
        packed.findAll { name, value -> value instanceof byte[] || value instanceof int[] || value instanceof double[] },
        packed.findAll { name, value -> value instanceof String || value instanceof String[] }
            .collectEntries { name, value -> [name, (value instanceof String ? Texts.split(value) : value) as List] })
    def server = imageData.getServer()
    def size = server.getPixelCalibration()
    def about = [
        width: server.getWidth(), height: server.getHeight(),
        size_z: server.nZSlices(), size_t: server.nTimepoints(),
        channels: server.getMetadata().getChannels()*.getName(),
        pixel_size: size.hasPixelSizeMicrons() ? [size.getPixelWidthMicrons(), size.getPixelHeightMicrons()] : null,
        skipped: packed.skipped,
        push: PackedObjects.pushOf(hierarchy) ?: imageData.getProperty('starbridge push'),
    ]
    new File(folder, 'image.json').setText(new GsonBuilder().serializeNulls().create().toJson(about), 'UTF-8')
    return packed
}

/** Return true if objects that were packed at two times are the same. */
static boolean samePacked(Map<String, Object> before, Map<String, Object> after) {
    return before.keySet() == after.keySet() && before.every { name, value -> Objects.deepEquals(value, after[name]) }
}

/** Return a copy of the objects of an image, which is as QuPath would read it from its file. */
static Object copyObjects(hierarchy) {
    def saved = new ByteArrayOutputStream()
    new ObjectOutputStream(saved).withCloseable { it.writeObject(hierarchy) }
    def read = new ObjectInputStream(new ByteArrayInputStream(saved.toByteArray())).readObject()
    return sameObjects(read)  // what was read itself lacks what is not stored
}

/** Return another holder of the same objects. */
static Object sameObjects(hierarchy) {
    def holder = new PathObjectHierarchy()
    holder.setHierarchy(hierarchy)
    return holder
}

/** Carry out a plan of starbridge on objects that no window shows. */
static void carryOut(Map<String, Object> plan, hierarchy) {
    Map<String, Object> arrays = plan.collectEntries { name, value ->
        // What separates texts is in none of them.
        [name, value instanceof List ? Texts.join(value.collect { it?.replaceAll(/[\x00\x01]/, '') } as String[]) : value]
    }
    PackedObjects.remove(hierarchy, arrays.remove)
    PackedObjects.add(hierarchy, PackedObjects.build(arrays), arrays.parents)
    PackedObjects.reclassify(hierarchy, arrays.reclassify, arrays.classes)
    PackedObjects.notePush(hierarchy, plan.push[0])
}

/** Return the steps that starbridge asks for while it pushes into the open image. */
static Map<String, Closure> pushSteps(imageData, entry, File folder) {
    def hierarchy = imageData.getHierarchy()
    Map<String, Object> handedOver, plan
    def merged
    return [
        objects: {
            withoutEdits {
                entry.saveImageData(imageData)
                handedOver = packObjects(imageData, hierarchy, new File(folder, 'objects'))
                merged = copyObjects(hierarchy)
            }
        },
        merged: {
            plan = readPacked(new File(folder, 'plan'))
            carryOut(plan, merged)
            packObjects(imageData, merged, new File(folder, 'merged'))
        },
        save: {
            withoutEdits {
                if (!samePacked(handedOver, PackedObjects.read(hierarchy)))
                    throw new IllegalStateException('You edited objects meanwhile: run the script again.')
                showAndSave(imageData, entry, merged, plan.before[0].toString())
            }
        },
    ]
}

/** Put objects in the place of an image's, in one step that can be undone, and save the image. */
static void showAndSave(imageData, entry, merged, String pushBefore) {
    def hierarchy = imageData.getHierarchy()
    def before = sameObjects(hierarchy)
    // Objects of a first push name theirs; those to which undoing it leads back name none.
    if (imageData.getProperty('starbridge push') == null)
        imageData.setProperty('starbridge push', pushBefore)
    hierarchy.getSelectionModel().clearSelection()
    hierarchy.setHierarchy(merged)
    try {
        entry.saveImageData(imageData)
    } catch (Exception error) {
        hierarchy.setHierarchy(before)
        throw new IllegalStateException(
            "QuPath could not save the image (${error.message}): its objects are as they were before.")
    }
}

// -- lib/packed_files.groovy --

/** Write arrays of numbers and lists of texts, by name, into a folder, which is made. */
static void writePacked(File folder, Map<String, Object> numbers, Map<String, List<String>> texts) {
    folder.mkdirs()
    new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(new File(folder, 'arrays.npz')))).withCloseable { zip ->
        zip.setLevel(1)  // the files live for seconds
        numbers.each { name, values ->
            zip.putNextEntry(new ZipEntry(name + '.npy'))
            writeNpy(zip, values)
            zip.closeEntry()
        }
    }
    new File(folder, 'texts.json').setText(new GsonBuilder().serializeNulls().create().toJson(texts), 'UTF-8')
}

/** Read arrays of numbers and lists of texts, by name, from a folder. */
static Map<String, Object> readPacked(File folder) {
    Map<String, Object> found = [:]
    new ZipFile(new File(folder, 'arrays.npz')).withCloseable { zip ->
        zip.entries().each { entry ->
            found[entry.getName() - '.npy'] = zip.getInputStream(entry).withCloseable { readNpy(it) }
        }
    }
    found.putAll(new GsonBuilder().create().fromJson(new File(folder, 'texts.json').getText('UTF-8'), Map))
    return found
}

/** Write an array of byte, int or double in NumPy's format (numpy.lib.format, version 1.0). */
static void writeNpy(OutputStream out, Object values) {
    String type = values instanceof byte[] ? '|i1' : values instanceof int[] ? '<i4' : '<f8'
    String header = "{'descr': '${type}', 'fortran_order': False, 'shape': (${values.length},), }"
    // The whole header is a multiple of 64 bytes and ends with a line break.
    header = header.padRight((header.length() + 11 + 63).intdiv(64) * 64 - 11) + '\n'
    def head = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN)
    head.put([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0] as byte[]).putShort((short) header.length())
    out.write(head.array())
    out.write(header.getBytes(StandardCharsets.ISO_8859_1))
    if (values instanceof byte[]) {
        out.write(values)
        return
    }
    int size = values instanceof int[] ? 4 : 8, most = 1 << 20
    for (int from = 0; from < values.length; from += most) {
        int count = Math.min(most, values.length - from)
        def part = ByteBuffer.allocate(size * count).order(ByteOrder.LITTLE_ENDIAN)
        (values instanceof int[] ? part.asIntBuffer() : part.asDoubleBuffer()).put(values, from, count)
        out.write(part.array())
    }
}

/** Read an array of one dimension in NumPy's format: bytes, or numbers of 4 or 8 bytes. */
static Object readNpy(InputStream stream) {
    def all = ByteBuffer.wrap(stream.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN)
    int length = all.getShort(8)
    String header = new String(all.array(), 10, length, StandardCharsets.ISO_8859_1)
    def match = header =~ /'descr': '(\|i1|<i4|<f8)', 'fortran_order': False, 'shape': \((\d+),\)/
    if (!match.find())
        throw new IOException("An array of the kind ${header.trim()} cannot be read.")
    int count = match.group(2).toInteger()
    all.position(10 + length)
    Object values
    if (match.group(1) == '|i1') {
        values = new byte[count]
        all.get(values)
    } else if (match.group(1) == '<i4') {
        values = new int[count]
        all.asIntBuffer().get(values)
    } else {
        values = new double[count]
        all.asDoubleBuffer().get(values)
    }
    return values
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

// -- lib/window.groovy --

/** Do work on the thread of QuPath's window, where no edit comes in between; without a window, here. */
static Object withoutEdits(Closure work) {
    if (QuPathGUI.getInstance() == null || Platform.isFxApplicationThread())
        return work()
    def task = new FutureTask(work as Callable)
    Platform.runLater(task)
    boolean isStopped = false
    try {
        while (true) {
            try {
                return task.get()
            } catch (InterruptedException ignored) {
                isStopped = true  // the work goes on, and must not be left in the middle
            } catch (ExecutionException error) {
                throw error.getCause()
            }
        }
    } finally {
        if (isStopped)
            Thread.currentThread().interrupt()
    }
}

/**
 * Keep the end of this script from being a step that Edit › Undo takes back.
 *
 * After every script QuPath says that all objects may have changed, and would note them once more.
 */
static void skipUndoOfScriptEnd(hierarchy) {
    def undo = QuPathGUI.getInstance()?.getUndoRedoManager()
    if (undo == null)
        return
    def filter
    filter = { event ->
        if (event.getSource() instanceof ScriptParameters)
            Platform.runLater {
                hierarchy.removeListener(filter)
                hierarchy.addListener(undo)
            }
        else
            undo.hierarchyChanged(event)
    } as PathObjectHierarchyListener
    hierarchy.removeListener(undo)
    hierarchy.addListener(filter)
}

/** Print lines, and show them in a message if QuPath has a window. */
void tell(String title, List<String> lines) {
    lines.each { println(it) }
    showMessage(title, lines, 'INFORMATION')
}

/** Show lines in a message if QuPath has a window; the script goes on meanwhile. */
static void showMessage(String title, List<String> lines, String type) {
    def window = QuPathGUI.getInstance()
    if (window == null)
        return
    Platform.runLater {
        def message = new Alert(Alert.AlertType.valueOf(type), lines.drop(1).join('\n'))
        message.initOwner(window.getStage())
        message.setTitle(title)
        message.setHeaderText(lines[0])
        message.setResizable(true)
        message.getDialogPane().setMinWidth(500)
        message.show()
    }
}

/** Do the work of a script; an error is shown in a message, too, if QuPath has a window. */
static void tellErrors(String title, Closure work) {
    try {
        work()
    } catch (Exception error) {
        showMessage(title, [title + ' failed', error.getMessage() ?: error.getClass().getSimpleName()], 'ERROR')
        throw error
    }
}

// -- PackedObjects.groovy --

/*
 * Objects of an image in packed arrays: fifty thousand of them in a second or two.
 *
 * Compiled by QuPath's own Groovy: in the worker process, and in the scripts that are built with it.
 * Names of methods that differ between versions of QuPath are looked up once, in `Versions`.
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
 *   measured        of objects that are built: 1 where the object has the measurement, NaN included
 *
 * What is read has two more tables:
 *   markers.…       objects that are points or lines: the same arrays and texts, but
 *                   `markers.wkb` and its `markers.wkbEnds` (n + 1) in place of rings; their parents
 *                   are indexes among the objects with an area
 *   core…           TMA cores: coreXy …, coreIds, coreNames, coreMissing; coreOf and markers.coreOf
 *                   have the index of the core that an object lies in at any depth, -1 without
 *
 * Texts (ids, names, classNames, measurementNames, metadataNames, metadata) travel joined; see
 * `Texts`.
 */

/** What differs between versions of QuPath, looked up once and not for every object. */
@CompileStatic
class Versions {
    // QuPath 0.5 and later; in 0.4 metadata are for QuPath's own code only
    private static final Method METADATA =
        method(PathObject, 'getMetadata') ?: method(PathObject, 'getUnmodifiableMetadataMap')
    private static final Method NOTE = method(PathObject, 'storeMetadataValue', String, String)
    // QuPath 0.6 and later, where asking for metadata makes them
    private static final Method HAS_METADATA = method(PathObject, 'hasMetadata')
    // QuPath 0.6 and later
    private static final Method MEASUREMENTS = method(MeasurementList, 'getMeasurements')
    // the points of a polygon in two arrays; what all may call makes an object of each point
    private static final Method VERTICES = method(PolygonROI, 'getVertices')
    private static final Class<?> ARRAYS = VERTICES?.getReturnType()
    private static final Method COUNT = method(ARRAYS, 'size')
    private static final Method XS = method(ARRAYS, 'getX', float[])
    private static final Method YS = method(ARRAYS, 'getY', float[])
    static final boolean HAS_VERTICES = COUNT != null && XS != null && YS != null

    private static Method method(Class<?> owner, String name, Class<?>... parameters) {
        for (Class<?> type = owner; type != null; type = type.getSuperclass()) {
            for (Method method : type.getDeclaredMethods()) {
                if (method.getName() == name && Arrays.equals(method.getParameterTypes(), parameters)) {
                    return method.trySetAccessible() ? method : null
                }
            }
        }
        return null
    }

    static Map<String, String> metadata(PathObject object) {
        if (HAS_METADATA != null && HAS_METADATA.invoke(object) == Boolean.FALSE) {
            return Collections.<String, String> emptyMap()
        }
        return (Map<String, String>) METADATA.invoke(object)
    }

    static void putMetadata(PathObject object, String key, String value) {
        if (NOTE != null) NOTE.invoke(object, key, value)
        else ((Map<String, String>) METADATA.invoke(object)).put(key, value)
    }

    /** Measurements of an object, or nothing where this QuPath has only names and values apart. */
    static List<Measurement> measurements(MeasurementList list) {
        return MEASUREMENTS == null ? null : (List<Measurement>) MEASUREMENTS.invoke(list)
    }

    static int count(PolygonROI roi) {
        if (!HAS_VERTICES) return roi.getAllPoints().size()
        return ((Integer) COUNT.invoke(VERTICES.invoke(roi))).intValue()
    }

    /** Copy the points of a polygon into arrays that are long enough. */
    static void points(PolygonROI roi, float[] x, float[] y) {
        if (HAS_VERTICES) {
            Object vertices = VERTICES.invoke(roi)
            XS.invoke(vertices, (Object) x)
            YS.invoke(vertices, (Object) y)
            return
        }
        int i = 0
        for (Point2 point : roi.getAllPoints()) {
            x[i] = (float) point.getX()
            y[i++] = (float) point.getY()
        }
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
    // QuPath shows no metadata whose name begins so
    private static final String PUSH = '_starbridge push'

    /** Name of the push that objects come from, null where they say none. */
    static String pushOf(PathObjectHierarchy hierarchy) {
        return Versions.metadata(hierarchy.getRootObject()).get(PUSH)
    }

    /** Note which push objects come from, beside them: undoing a push in a window undoes it too. */
    static void notePush(PathObjectHierarchy hierarchy, String push) {
        Versions.putMetadata(hierarchy.getRootObject(), PUSH, push)
    }

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
        byte[] measured = (byte[]) arrays.get('measured')
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
        InParts.each(kind.length, (int i) -> {
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
                if (measured[i * m + j] != (byte) 0) list.put(measurementNames[j], measurements[i * m + j])
            }
            list.close()
            for (int j = 0; j < metadataNames.length; j++) {
                String value = metadata[i * metadataNames.length + j]
                if (value != null) Versions.putMetadata(object, metadataNames[j], value)
            }
            built[i] = object
        })
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
            families.computeIfAbsent(parent, key -> new ArrayList<PathObject>()).add(objects.get(i))
        }
        for (Map.Entry<PathObject, List<PathObject>> family : families.entrySet()) {
            family.getKey().addChildObjects(family.getValue())
        }
        hierarchy.fireHierarchyChangedEvent(hierarchy.getRootObject())
    }

    /** Change the class of objects that are given by their id, and nothing else of them. */
    static int reclassify(PathObjectHierarchy hierarchy, String ids, String classes) {
        String[] wanted = Texts.split(ids), names = Texts.split(classes)
        Map<String, String> nameOf = new HashMap<>()
        for (int i = 0; i < wanted.length; i++) nameOf.put(wanted[i], names[i])
        List<PathObject> changed = new ArrayList<>()
        for (PathObject object : hierarchy.getFlattenedObjectList(null)) {
            String id = object.getID().toString()
            if (!nameOf.containsKey(id)) continue
            String name = nameOf.get(id)
            object.setPathClass(name == null ? null : PathClass.fromString(name))
            changed.add(object)
        }
        hierarchy.fireObjectClassificationsChangedEvent(hierarchy, changed)
        return changed.size()
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

    /** All objects in packed arrays; `skipped` counts what is none with an area. */
    static Map<String, Object> read(PathObjectHierarchy hierarchy) {
        List<PathObject> objects = new ArrayList<>()
        List<PathObject> markers = new ArrayList<>()
        List<PathObject> cores = new ArrayList<>()
        Map<PathObject, Integer> index = new IdentityHashMap<>()
        int skipped = 0
        for (PathObject object : hierarchy.getFlattenedObjectList(null)) {
            if (object.isRootObject()) continue
            ROI roi = object.getROI()
            boolean known = object instanceof PathDetectionObject || object.isAnnotation()
            if (known && roi != null && roi.isArea() && !isEmpty(roi)) {
                index.put(object, objects.size())
                objects.add(object)
                continue
            }
            skipped++
            if (roi == null || isEmpty(roi)) continue
            if (object instanceof TMACoreObject) cores.add(object)
            else if (known && (roi.isPoint() || roi.isLine())) markers.add(object)
        }
        Map<String, Object> arrays = attributes(objects, index)
        OutlineWriter.write(objects.size(), arrays, '', (int i) -> objects.get(i).getROI())
        OutlineWriter.write(objects.size(), arrays, 'nucleus', (int i) -> {
            PathObject object = objects.get(i)
            return object instanceof PathCellObject ? ((PathCellObject) object).getNucleusROI() : null
        })
        arrays.put('coreOf', coresOf(objects, cores))
        arrays.putAll(describe(cores))
        Map<String, Object> marked = attributes(markers, index)
        marked.putAll(geometries(markers))
        marked.put('coreOf', coresOf(markers, cores))
        for (Map.Entry<String, Object> entry : marked.entrySet()) {
            arrays.put('markers.' + entry.getKey(), entry.getValue())
        }
        arrays.put('skipped', skipped)
        return arrays
    }

    /** Points and lines as well-known binary, which holds any number of them. */
    private static Map<String, Object> geometries(List<PathObject> objects) {
        WKBWriter writer = new WKBWriter(2)
        ByteArrayOutputStream bytes = new ByteArrayOutputStream()
        int[] ends = new int[objects.size() + 1]
        for (int i = 0; i < objects.size(); i++) {
            bytes.write(writer.write(objects.get(i).getROI().getGeometry()))
            ends[i + 1] = bytes.size()
        }
        return [wkb: bytes.toByteArray(), wkbEnds: ends] as Map<String, Object>
    }

    private static Map<String, Object> describe(List<PathObject> cores) {
        String[] ids = new String[cores.size()]
        String[] names = new String[cores.size()]
        byte[] missing = new byte[cores.size()]
        for (int i = 0; i < cores.size(); i++) {
            ids[i] = cores.get(i).getID().toString()
            names[i] = cores.get(i).getName()
            missing[i] = ((TMACoreObject) cores.get(i)).isMissing() ? (byte) 1 : (byte) 0
        }
        Map<String, Object> arrays = new HashMap<>()
        arrays.putAll([coreIds: ids, coreNames: names, coreMissing: missing] as Map<String, Object>)
        OutlineWriter.write(cores.size(), arrays, 'core', (int i) -> cores.get(i).getROI())
        joinTexts(arrays, ['coreIds', 'coreNames'])
        return arrays
    }

    private static int[] coresOf(List<PathObject> objects, List<PathObject> cores) {
        int[] found = new int[objects.size()]
        Arrays.fill(found, -1)
        if (cores.isEmpty()) return found
        Map<PathObject, Integer> index = new IdentityHashMap<>()
        for (PathObject core : cores) index.put(core, index.size())
        for (int i = 0; i < found.length; i++) {
            for (PathObject outer = objects.get(i).getParent(); outer != null; outer = outer.getParent()) {
                Integer place = index.get(outer)
                if (place == null) continue
                found[i] = place.intValue()
                break
            }
        }
        return found
    }

    private static void joinTexts(Map<String, Object> arrays, List<String> keys) {
        for (String key : keys) {
            String[] texts = (String[]) arrays.get(key)
            String joined = Texts.join(texts)
            // an empty text stands for no texts at all
            if (joined != null && !(joined.isEmpty() && texts.length > 0)) arrays.put(key, joined)
        }
    }

    /** All of objects but their ROIs; `index` has the places of the objects that may be parents. */
    private static Map<String, Object> attributes(List<PathObject> objects, Map<PathObject, Integer> index) {
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
        Map<String, String>[] notes = new Map[n]
        Measured[] values = new Measured[n]
        int[][] columns = new int[n][]
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
            else classOf[i] = classes.computeIfAbsent(pathClass, key -> classes.size())
            Integer own = object.getColor()
            color[i] = own == null ? NO_COLOR : own.intValue()
            Integer parent = index.get(object.getParent())
            parentOf[i] = parent == null ? -1 : parent.intValue()
            ids[i] = object.getID().toString()
            names[i] = object.getName()
            notes[i] = Versions.metadata(object)
            for (String key : notes[i].keySet()) noted.putIfAbsent(key, noted.size())
            values[i] = Measured.of(object.getMeasurementList(), i == 0 ? null : values[i - 1])
            String[] titles = values[i].names
            if (i > 0 && titles.is(values[i - 1].names)) {
                columns[i] = columns[i - 1]
                continue
            }
            int[] places = new int[titles.length]
            for (int j = 0; j < places.length; j++) {
                Integer place = measured.putIfAbsent(titles[j], measured.size())
                places[j] = place == null ? measured.size() - 1 : place.intValue()
            }
            columns[i] = places
        }
        int m = measured.size()
        double[] measurements = new double[n * m]
        Arrays.fill(measurements, Double.NaN)
        String[] metadata = new String[n * noted.size()]
        for (int i = 0; i < n; i++) {
            double[] row = values[i].values
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
            metadata: metadata
        ] as Map<String, Object>)
        joinTexts(arrays, ['ids', 'names', 'classNames', 'measurementNames', 'metadataNames', 'metadata'])
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
            return ROIs.createPolygonROI((List<Point2>) new Points(xy, from, count), plane)
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

/** Points of an outline, made one by one as they are asked for. */
@CompileStatic
class Points extends AbstractList<Point2> implements RandomAccess {
    private final double[] xy
    private final int from
    private final int count

    Points(double[] xy, int from, int count) {
        this.xy = xy
        this.from = from
        this.count = count
    }

    @Override
    int size() { count }

    @Override
    Point2 get(int i) { new Point2(xy[2 * (from + i)], xy[2 * (from + i) + 1]) }
}

/** Names and values of an object's measurements. */
@CompileStatic
class Measured {
    final String[] names
    final double[] values

    private Measured(String[] names, double[] values) {
        this.names = names
        this.values = values
    }

    /** Of a list; the very names of the object before, where they are the same. */
    static Measured of(MeasurementList list, Measured before) {
        List<Measurement> found = Versions.measurements(list)
        String[] names
        double[] values
        if (found == null) {
            names = list.getMeasurementNames().toArray(new String[0])
            values = list.values()
        } else {
            names = new String[found.size()]
            values = new double[names.length]
            for (int i = 0; i < names.length; i++) {
                names[i] = found.get(i).getName()
                values[i] = found.get(i).getValue()
            }
        }
        boolean alike = before != null && Arrays.equals(before.names, names)
        return new Measured(alike ? before.names : names, values)
    }
}

/** Work on many objects, shared among the machine's cores. */
@CompileStatic
class InParts {
    static final int SMALL = 1000

    static void each(int n, IntConsumer work) {
        parts(n, (int from, int to) -> { for (int i = from; i < to; i++) work.accept(i) })
    }

    /** Work on each part, which ends before its second number. */
    static void parts(int n, IntBinaryConsumer work) {
        int cores = Runtime.getRuntime().availableProcessors()
        int parts = Math.max(1, Math.min(cores, n.intdiv(SMALL)))
        IntStream.range(0, parts).parallel().forEach((int part) -> {
            work.accept((int) ((long) n * part).intdiv(parts), (int) ((long) n * (part + 1)).intdiv(parts))
        })
    }
}

@CompileStatic
interface IntBinaryConsumer {
    void accept(int from, int to)
}

/** ROIs, packed into arrays: first counted, then written where they belong. */
@CompileStatic
class OutlineWriter {
    private final double[] xy
    private final int[] rings
    private final int[] polygons
    private int point
    private int ring
    private int polygon
    private float[] xs = new float[64]
    private float[] ys = new float[64]

    private OutlineWriter(double[] xy, int[] rings, int[] polygons, int point, int ring, int polygon) {
        this.xy = xy
        this.rings = rings
        this.polygons = polygons
        this.point = point
        this.ring = ring
        this.polygon = polygon
    }

    /** Write the outlines of n objects, in their order. */
    static void write(int n, Map<String, Object> arrays, String which, IntFunction<ROI> outline) {
        Geometry[] shapes = new Geometry[n]  // of what is more than a polygon
        int[] points = new int[n + 1]
        int[] rings = new int[n + 1]
        int[] polygons = new int[n + 1]
        InParts.each(n, (int i) -> {
            ROI roi = outline.apply(i)
            if (roi instanceof PolygonROI) {
                // its own points: as a geometry, an outline that crosses itself would change
                int count = Versions.count((PolygonROI) roi)
                if (count < 3) return
                points[i + 1] = count + 1
                rings[i + 1] = 1
                polygons[i + 1] = 1
            } else if (roi != null) {
                shapes[i] = roi.getGeometry()
                for (Polygon part : parts(shapes[i])) {
                    points[i + 1] += part.getNumPoints()
                    rings[i + 1] += 1 + part.getNumInteriorRing()
                    polygons[i + 1]++
                }
            }
        })
        for (int[] counts : [points, rings, polygons]) Arrays.parallelPrefix(counts, (int a, int b) -> a + b)
        double[] xy = new double[2 * points[n]]
        int[] ringEnds = new int[rings[n] + 1]
        int[] polygonEnds = new int[polygons[n] + 1]
        InParts.parts(n, (int from, int to) -> {
            OutlineWriter writer = new OutlineWriter(
                xy, ringEnds, polygonEnds, points[from], rings[from], polygons[from])
            for (int i = from; i < to; i++) {
                if (polygons[i] == polygons[i + 1]) continue
                if (shapes[i] == null) writer.add((PolygonROI) outline.apply(i))
                else for (Polygon part : parts(shapes[i])) writer.add(part)
            }
        })
        arrays.put(which + 'Xy', xy)
        arrays.put(which + 'Rings', ringEnds)
        arrays.put(which + 'Polygons', polygonEnds)
        arrays.put(which + 'Outlines', polygons)
    }

    private static List<Polygon> parts(Geometry geometry) {
        List<Polygon> found = new ArrayList<>()
        for (int p = 0; p < geometry.getNumGeometries(); p++) {
            Geometry part = geometry.getGeometryN(p)
            if (part instanceof Polygon && !part.isEmpty()) found.add((Polygon) part)
        }
        return found
    }

    private void add(PolygonROI roi) {
        int count = Versions.count(roi)
        if (count > xs.length) {
            xs = new float[2 * count]
            ys = new float[2 * count]
        }
        Versions.points(roi, xs, ys)
        for (int i = 0; i < count; i++) put(xs[i], ys[i])
        put(xs[0], ys[0])
        rings[++ring] = point
        polygons[++polygon] = ring
    }

    private void add(Polygon part) {
        add(part.getExteriorRing().getCoordinates())
        for (int h = 0; h < part.getNumInteriorRing(); h++) add(part.getInteriorRingN(h).getCoordinates())
        polygons[++polygon] = ring
    }

    private void add(Coordinate[] coordinates) {
        for (Coordinate coordinate : coordinates) put(coordinate.getX(), coordinate.getY())
        rings[++ring] = point
    }

    private void put(double x, double y) {
        xy[2 * point] = x
        xy[2 * point + 1] = y
        point++
    }
}
