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
