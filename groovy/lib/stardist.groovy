// QuPath's StarDist extension, and the recipe of an exported model.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import qupath.lib.analysis.features.ObjectMeasurements
import qupath.lib.images.servers.TransformedServerBuilder
import qupath.lib.objects.PathObjects

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
