// import_detections.groovy: brings objects of a GeoJSON file into the open image.
//
// Needs   QuPath 0.4 to 0.7, an image, and a .geojson (or .json, each also with .gz), for instance
//         of `starbridge segment` or `starbridge convert`; or the whole results folder, in which
//         geojson/NAME.geojson belongs to the image NAME.
// Writes  objects with the UUIDs, classes and measurements of the file. An object that the image
//         has already (the same UUID) is left as it is, so that a second run changes nothing and
//         a review is not undone. With replace=true, objects that this script or
//         run_starbridge.groovy imported earlier go first; others are never touched.
//
// An image that is its file rotated, cropped, flipped or rescaled gets the objects that starbridge
// found in the file where they belong. Of GeoJSON from elsewhere the coordinates are QuPath's own.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run; with a
//                results folder also Run › Run for project.
// Command line   QuPath script import_detections.groovy -p PROJECT/project.qpproj -i IMAGE -s
//                    -a from=RESULTS
//                Without -i it runs for every image; QuPath then reports an image that failed only
//                in its log, and ends with status 0.

import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    from: '',           // the GeoJSON file, or the results folder of starbridge segment
    importAs: '',       // 'detection', 'cell' or 'annotation'; '' means the file's types
    replace: false,     // first remove what was imported earlier
    nest: true,         // put objects below the annotations that they lie in
    anyImage: false,    // take the file even if it was made from an image of another name or size
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))

def imageData = openImageData()
def server = imageData.getServer()
String imageName = QP.getProjectEntry()?.getImageName() ?: server.getMetadata().getName()
List<String> names = candidateNames(imageName, server.getURIs().collect { it.getPath() ?: '' })

File file = findGeojson(settings.from, names)
def view = fileTransform(server)
def plan = planImport(file, view, settings.anyImage)
def content = readObjects(file, settings.importAs, plan.map, null)
if (!settings.anyImage) {
    String problem = imageMismatch(content.image, names, plan.size[0], plan.size[1])
    if (!problem && !plan.isFile)
        problem = objectsMismatch(content.objects, plan.size[0], plan.size[1])
    if (problem)
        throw new IllegalStateException(
            "${file.name} does not belong to ${imageName}: ${problem} Open the right image, or set anyImage to true.")
}

def objects = plan.isFile ? visibleObjects(content.objects, view.shown[0], view.shown[1]) : content.objects

// Everything is read before the image's objects are touched.
int removed = settings.replace ? removeImported(imageData, null) : 0
int added = addImported(imageData, null, objects, settings.nest)
println("${file.name}: ${added} objects imported into ${imageName}")
if (removed)
    println("${removed} objects of an earlier import were replaced.")
if (added < objects.size())
    println("${objects.size() - added} objects were there already and stay as they are.")
if (objects.size() < content.objects.size())
    println("${content.objects.size() - objects.size()} objects lie where the image shows nothing of its file, and were left out.")
if (content.leftOut)
    println("${content.leftOut} objects of the file have no outline and were left out.")
