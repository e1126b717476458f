// The command starbridge segment, run on an image or on regions of it.

import java.awt.geom.AffineTransform
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit

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
