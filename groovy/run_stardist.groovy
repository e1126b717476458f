// run_stardist.groovy: finds nuclei with QuPath's own StarDist extension and an exported model.
//
// Needs   QuPath 0.4 to 0.6 with the StarDist extension of the same version, an image, and the .pb
//         that `starbridge export MODEL --to pb` wrote. NAME.export.json beside it holds the
//         model's settings (percentiles, probability, channel, pixel size): keep the two together.
// Writes  detections (cells, with cellExpansion) below each annotation. What lies below that
//         annotation already is replaced: QuPath's StarDist does so.
//
// QuPath has no overlap threshold: it cuts overlaps off by itself, so that a few objects in a
// hundred differ from Python and Fiji. Its outlines lie half a pixel too far up and left; the script
// moves them onto the pixels that they were found in before it measures.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run; for many
//                images Run › Run for project.
// Command line   QuPath script run_stardist.groovy -p PROJECT/project.qpproj -i IMAGE -s
//                    -a model=MODELS/demo.pb -a within=annotations
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import qupath.lib.analysis.features.ObjectMeasurements
import qupath.lib.images.servers.TransformedServerBuilder
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.scripting.QP

// ---- Settings: '' means the model's own ----------------------------------------------------------
def settings = [
    model: '',              // the .pb; '' means the only one in the project's folder
    percentiles: '',        // intensities brought to 0 and 1, over the whole image: '0.2 99.8'
    probability: '',        // threshold, 0 to 1
    channel: '',            // channel of the nuclei: a name (DAPI) or a number from 0 (Channel 1 is 0); several with ,
    pixelSize: '',          // µm per pixel that the model wants; the image is scaled to it
    tileSize: 1024,         // pixels; smaller tiles cost accuracy at their edges
    cellExpansion: 0.0,     // µm by which a nucleus grows into a cell; 0 gives nuclei only
    within: 'selection',    // 'selection' (nothing selected: the whole image), 'annotations', 'image'
    annotationClass: '',    // with 'annotations': only those of this class
    measure: true,          // shape and intensity
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))

def imageData = openImageData()
def project = QP.getProject()
File projectFolder = project == null ? null : project.getPath().toFile().getParentFile()
File model = findModel(settings.model, projectFolder)
Map recipe = overrideRecipe(readRecipe(model), settings)
def starDist = findStarDist(getClass().getClassLoader())

int[] channels = channelNumbers(recipe.channels, imageData.getServer().getMetadata().getChannels()*.getName()) as int[]
def parents = chooseAnnotations(imageData, settings.within, settings.annotationClass)
    ?: [wholeImageAnnotation(imageData)]

def builder = starDist.builder(model.getAbsolutePath())
    // Percentiles of the whole image, as in training; without this each tile has its own. All
    // versions since 0.4 have this method; 0.6 logs that it has a new name.
    .preprocess(
        starDist.imageNormalizationBuilder()
            .maxDimension(4096)
            .percentiles(recipe.percentiles[0], recipe.percentiles[1])
            .perChannel(recipe.perChannel)
            .build()
    )
    .channels(channels)
    .threshold(recipe.probability)
    .tileSize(settings.tileSize as int)
    .simplify(0)
    .includeProbability(true)
if (recipe.pixelSize != null)
    builder.pixelSize(recipe.pixelSize)
if (recipe.classNames) {
    // Background counts among the classes, and means a nucleus without one; QuPath would drop it.
    builder.classifications([0: null] + recipe.classNames.collectEntries { number, name -> [number, PathClass.fromString(name)] })
    builder.keepClassifiedBackground(true)
}
if (settings.cellExpansion > 0)
    builder.cellExpansion(settings.cellExpansion as double)

def stardist = builder.build()
int found
try {
    found = detectNuclei(stardist, imageData, parents, recipe.pixelSize, settings.measure)
} finally {
    stardist.close()
}
println("${model.name}: ${found} nuclei in ${parents.size()} annotation(s) of ${imageName(imageData)}")
if (found == 0)
    println('No nucleus was found. Is it the right channel? Try a lower probability, and read the log.')

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

/** Return a setting's text as a number from `low` to `high`. */
static double parseNumber(String name, Object text, double low, double high) {
    try {
        double value = text.toString().trim().toDouble()
        if (value >= low && value <= high)
            return value
    } catch (NumberFormatException ignored) {
        // the message below covers this, too
    }
    throw new IllegalArgumentException("${name} is '${text}'; give a number from ${low} to ${high}.")
}

// -- lib/stardist.groovy --

/** Return the extension's class; looked up at run time, so that its absence has a clear message. */
static Class findStarDist(ClassLoader loader) {
    String name = 'qupath.ext.stardist.StarDist2D'
    for (candidate in [loader, Thread.currentThread().getContextClassLoader()]) {
        try {
            if (candidate != null)
                return Class.forName(name, true, candidate)
        } catch (ClassNotFoundException ignored) {
            // the next loader may find it
        }
    }
    throw new IllegalStateException(
        'QuPath has no StarDist extension: install the one of the same version as QuPath '
        + '(Extensions › Manage extensions, or drag its .jar onto the window), and start QuPath again.')
}

/** Return the frozen graph that the settings name, else the only one in a folder. */
static File findModel(String named, File folder) {
    if (named) {
        File file = new File(named)
        if (!file.isAbsolute() && !file.isFile() && folder != null)
            file = new File(folder, named)
        if (!file.isFile())
            throw new FileNotFoundException(
                "The model ${file} does not exist: set model to the .pb that starbridge export wrote.")
        return file
    }
    def found = (folder?.listFiles() ?: []).findAll { it.name.toLowerCase().endsWith('.pb') }
    if (!found)
        throw new FileNotFoundException(
            'Which model? Set model to the .pb that starbridge export wrote, '
            + 'or put it into the folder of the project.')
    if (found.size() > 1)
        throw new IllegalStateException(
            "The project's folder holds several models (${found*.name.sort().join(', ')}): "
            + 'set model to one of them.')
    return found[0]
}

/** Read the recipe in NAME.export.json beside NAME.pb; values that it lacks are null. */
static Map readRecipe(File model) {
    String name = model.name.replaceAll(/(?i)\.pb$/, '')
    File record = new File(model.getAbsoluteFile().getParentFile(), name + '.export.json')
    Map recipe = [percentiles: null, probability: null, channels: null, pixelSize: null,
                  perChannel: true, classNames: null]
    if (!record.isFile())
        return recipe
    JsonObject given, graph
    try {
        def content = JsonParser.parseString(record.getText('UTF-8')).getAsJsonObject()
        given = content.getAsJsonObject('recipe')
        graph = content.getAsJsonObject('model')
        recipe.percentiles = given.getAsJsonArray('percentiles').collect { it.getAsDouble() }
        recipe.probability = given.get('prob').getAsDouble()
        def pixelSize = given.get('pixel_size')
        recipe.pixelSize = pixelSize == null || pixelSize.isJsonNull() ? null : pixelSize.getAsDouble()
        recipe.channels = recipeChannels(given.get('channel'), graph?.get('channels')?.getAsInt() ?: 1)
        int classes = graph?.get('classes')?.getAsInt() ?: 0
        def normalize = given.get('normalize')
        recipe.perChannel = normalize == null || normalize.isJsonNull() || normalize.getAsString() != 'joint'
        def names = given.getAsJsonArray('classes')?.collect { it.getAsString() } ?: []
        if (classes > 0)
            recipe.classNames = (1..classes).collectEntries { [it, it <= names.size() ? names[it - 1] : 'class ' + it] }
    } catch (Exception error) {
        throw new IllegalStateException("${record} is damaged (${error.message}): export the model again.")
    }
    return recipe
}

/** Return a recipe's channels, by number or name; the first `count` ones if it gives fewer. */
static List recipeChannels(JsonElement value, int count) {
    List given = value == null || value.isJsonNull() ? [] : value instanceof JsonArray ? value.collect { it } : [value]
    if (given.size() < count)
        return (0..<count) as List
    return given.collect { it.getAsJsonPrimitive().isNumber() ? it.getAsInt() : it.getAsString() }
}

/** Return the recipe with the values of the settings that are filled in. */
static Map overrideRecipe(Map recipe, Map settings) {
    Map result = new LinkedHashMap(recipe)
    if (settings.percentiles) {
        result.percentiles = settings.percentiles.toString().trim().split(/[\s,;]+/).collect {
            parseNumber('percentiles', it, 0, 100)
        }
        if (result.percentiles.size() != 2 || result.percentiles[0] >= result.percentiles[1])
            throw new IllegalArgumentException(
                "percentiles is '${settings.percentiles}'; give two numbers, the lower one first: '1 99.8'.")
    }
    if (settings.probability != '')
        result.probability = parseNumber('probability', settings.probability, 0, 1)
    if (settings.pixelSize != '')
        result.pixelSize = parseNumber('pixelSize', settings.pixelSize, 0, 1000)
    if (settings.channel != '')
        result.channels = settings.channel.toString().split(',').collect {
            it.trim().isInteger() ? it.trim().toInteger() : it.trim()
        }
    result.channels = result.channels ?: [0]
    def missing = ['percentiles', 'probability'].findAll { result[it] == null }
    if (missing)
        throw new IllegalArgumentException(
            "What ${missing.join(' and ')} should the model have? Put NAME.export.json beside the .pb, or fill in the settings.")
    return result
}

/**
 * Return the numbers of channels that are given by number from 0 or by name. What QuPath calls Channel 1
 * where a file has no names is C1 elsewhere in starbridge.
 */
static List<Integer> channelNumbers(List wanted, List<String> names) {
    return wanted.collect {
        String text = it.toString()
        int at = it instanceof Number ? it.intValue() : names.findIndexOf { name -> name.equalsIgnoreCase(text) }
        if (at < 0 && text ==~ /(?i)c[1-9][0-9]{0,4}/) {
            int place = text.substring(1).toInteger()
            at = place <= names.size() && names[place - 1] == "Channel ${place}" ? place - 1 : -1
        }
        if (at < 0 || at >= names.size()) {
            def known = names.withIndex().collect { name, n -> "${n} = ${name}" }
            throw new IllegalArgumentException(
                "The image has no channel ${it}; choose by number or name: ${known.join(', ')}.")
        }
        return at
    }
}

/** Find nuclei in annotations, measure them, and put them below in place of what lies there; return their number. */
int detectNuclei(stardist, imageData, List parents, Double pixelSize, boolean measure) {
    double pixel = imageData.getServer().getPixelCalibration().getAveragedPixelSize().doubleValue()
    double downsample = pixelSize ? pixelSize / pixel : 1
    // StarDist counts from the centre of the top-left pixel that the network sees, QuPath from its corner.
    double shift = downsample / 2
    def places = parents.collect { PathObjects.createAnnotationObject(it.getROI().translate(-shift, -shift)) }
    stardist.detectObjects(imageData, places)
    if (places.any { !it.isLocked() })  // the extension locks what it has come through
        throw new InterruptedException('The script was stopped; nothing was changed.')
    def found = places.collect { place -> place.getChildObjects().collect { shiftObject(it, shift) } }
    if (measure)
        measureNuclei(imageData, found.sum(), downsample)
    [parents, found].transpose().each { parent, nuclei ->
        parent.setLocked(true)
        parent.clearChildObjects()
        parent.addChildObjects(nuclei)
    }
    imageData.getHierarchy().fireHierarchyChangedEvent(imageData.getHierarchy())
    return found.sum { it.size() }
}

/** Return a detection or cell moved right and down by some pixels, with its class and measurements. */
static Object shiftObject(object, double shift) {
    def roi = object.getROI().translate(shift, shift)
    def measurements = object.getMeasurementList()
    return object.isCell()
        ? PathObjects.createCellObject(roi, object.getNucleusROI()?.translate(shift, shift), object.getPathClass(), measurements)
        : PathObjects.createDetectionObject(roi, object.getPathClass(), measurements)
}

/** Measure shape and intensities as QuPath's StarDist does. */
static void measureNuclei(imageData, List nuclei, double downsample) {
    def server = imageData.getServer()
    ObjectMeasurements.addShapeMeasurements(nuclei, server.getPixelCalibration())
    def builder = new TransformedServerBuilder(server)
    def stains = imageData.getColorDeconvolutionStains()
    if (stains != null)
        builder.deconvolveStains(stains, (1..3).findAll { !stains.getStain(it).isResidual() } as int[])
    def measured = builder.build()
    def kinds = ObjectMeasurements.Measurements.with { [MEAN, MEDIAN, MIN, MAX, STD_DEV] }
    def compartments = ObjectMeasurements.Compartments.values() as List
    nuclei.parallelStream().forEach {
        ObjectMeasurements.addIntensityMeasurements(measured, it, downsample, kinds, compartments)
    }
}
