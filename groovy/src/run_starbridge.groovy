// run_starbridge.groovy: finds nuclei with the command `starbridge segment` and imports them.
//
// Needs   QuPath 0.4 to 0.7, an image, and starbridge installed on this computer: say below where its
//         command is, unless a terminal finds it by its name alone.
// Writes  detections with UUIDs: below each selected annotation those whose centroid lies in it; with
//         nothing selected, those of the whole image, below the annotations that they lie in. With
//         replace=true, what this script or import_detections.groovy put there earlier goes first;
//         other objects are never touched.
//
// An image that is a TIFF or HDF5 file on this computer is handed over as it is. Of anything else,
// and of annotations, the pixels are written to a temporary folder, which is removed at the end.
// Percentiles are taken of what is handed over: for the same result as on the whole image, select
// nothing.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run; for many
//                images Run › Run for project.
// Command line   QuPath script run_starbridge.groovy -p PROJECT/project.qpproj -i IMAGE -s
//                    -a command=STARBRIDGE/.venv/bin/starbridge -a channel=DAPI
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import java.nio.file.Files
import qupath.lib.scripting.QP

// ---- Settings: '' means the model's own ----------------------------------------------------------
def settings = [
    command: 'starbridge',  // starbridge's command, with its folder where a terminal does not find it
    model: 'demo',          // folder of a StarDist model (stardist_haug2), or 'demo'
    channel: '',            // channel of the nuclei: a name (DAPI) or a number from 0 (Channel 1 is 0); several with ,
    probability: '',        // threshold, 0 to 1
    overlap: '',            // overlap threshold (NMS), 0 to 1
    percentiles: '',        // intensities brought to 0 and 1: '0.2 99.8'
    pixelSize: '',          // µm per pixel of the image, where QuPath does not know it
    outline: 'star',        // 'star' (smooth) or 'traced' (along the pixels' edges)
    importAs: 'detection',  // 'detection', 'cell' or 'annotation'
    within: 'selection',    // 'selection' (nothing selected: the whole image), 'annotations', 'image'
    annotationClass: '',    // with 'annotations': only those of this class
    margin: 32,             // pixels handed over around an annotation, so that no nucleus is cut
    replace: true,          // first remove what was imported there earlier
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))

def imageData = openImageData()
def server = imageData.getServer()
def parents = chooseAnnotations(imageData, settings.within, settings.annotationClass)
File folder = Files.createTempDirectory('starbridge-').toFile()
try {
    List<Map> parts = imageParts(server, parents, settings.margin as int, folder)
    File results = new File(folder, 'results')
    def words = segmentCommand(settings, parts*.image*.getPath(), results.getPath())
    println(words.join(' '))
    runCommand(words) { line -> println(line) }

    // Everything is read before the image's objects are touched.
    parts.each { part -> part.objects = readPart(results, part, server, settings.importAs) }
    int removed = 0, added = 0
    parts.each { part ->
        if (settings.replace)
            removed += removeImported(imageData, part.parent)
        added += addImported(imageData, part.parent, part.objects, true)
    }
    imageData.getHierarchy().fireHierarchyChangedEvent(imageData.getHierarchy())
    String replaced = removed ? "; ${removed} of an earlier run were replaced" : ''
    println("${added} nuclei imported into ${imageName(imageData)}${replaced}")
} finally {
    folder.deleteDir()
}
