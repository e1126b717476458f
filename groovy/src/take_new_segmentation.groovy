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

import java.nio.file.Files
import qupath.lib.scripting.QP

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
