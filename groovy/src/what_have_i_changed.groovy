// what_have_i_changed.groovy: says what was changed in the open image since nuclei were pushed into it.
//
// Needs   QuPath 0.4 to 0.7, an image that is open in a project, and starbridge installed on this
//         computer: say below where its command is, unless a terminal finds it by its name alone.
// Writes  nothing: it shows the edits by kind, since the last push and since the first one, those that
//         are not saved yet among them, and the conflicts that are open.
//
// Script editor  Automate › User scripts › StarBridge, Run.
// Command line   QuPath script what_have_i_changed.groovy -p PROJECT/project.qpproj -i IMAGE

import java.nio.file.Files

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    command: 'starbridge',  // starbridge's command, with its folder where a terminal does not find it
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
String title = 'What have I changed'

tellErrors(title) {
    def imageData = openImageData()
    def entry = openEntry(imageData)
    skipUndoOfScriptEnd(imageData.getHierarchy())
    File folder = Files.createTempDirectory('starbridge-').toFile()
    try {
        withoutEdits { packObjects(imageData, imageData.getHierarchy(), new File(folder, 'objects')) }
        List<String> lines = []
        runCommand(imageCommand(settings, 'changes', entry, folder)) { line -> lines << line }
        tell(title, lines)
    } finally {
        folder.deleteDir()
    }
}
