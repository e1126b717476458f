// export_review.groovy: writes what was decided in QuPath, for starbridge and for spreadsheets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project.
// Writes  for each image, into a folder:
//           geojson/NAME.geojson         every object with its UUID, class, outline, measurements
//           tables/NAME.tsv              a row a detection: what Measure › Export measurements shows,
//                                        with all digits and a decimal point on every computer
//           tables/NAME_annotations.tsv  the same for annotations, where there are some
//         Where the image is its file rotated, cropped, flipped or rescaled, outlines in the GeoJSON
//         lie as in the file (as `starbridge qupath pull` writes them); the tables have the places
//         that QuPath shows. An image of several files is exported as QuPath shows it.
//         QuPath itself keeps outlines of areas to 0.01 pixel; so does the GeoJSON.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_review.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                reports an image that failed only in its log.

import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    images: 'open',         // 'open': the open image; 'project': every image of the project
    folder: '',             // where to write; '' means export/review in the project's folder
    format: 'tsv',          // of the tables: 'tsv' or 'csv'
    geojson: true,          // write the GeoJSON
    tables: true,           // write the tables
    project: '',            // a project.qpproj to open for this: then all its images
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
if (!(settings.format in ['tsv', 'csv']))
    throw new IllegalArgumentException("format is '${settings.format}'; choose tsv or csv.")
if (settings.images == 'project' && binding.variables['qupath.script.batchIndex'])
    return  // Run for project starts the script for every image; the first one has exported all

File folder = exportFolder(settings.folder, 'export/review', settings.project)
forEachImage(imagesToExport(settings.images, settings.project)) { imageData, name ->
    def objects = imageData.getHierarchy().getAllObjects(false).findAll { it.hasROI() }
    if (settings.geojson)
        writeGeojson(fileInside(folder, "geojson/${name}.geojson"), imageData, name, objects, true)
    if (settings.tables) {
        def detections = objects.findAll { it.isDetection() }
        def annotations = objects.findAll { it.isAnnotation() }
        writeTable(fileInside(folder, "tables/${name}.${settings.format}"), imageData, detections)
        if (annotations)
            writeTable(fileInside(folder, "tables/${name}_annotations.${settings.format}"), imageData, annotations)
    }
    return "${objects.size()} objects"
}
println("Written to ${folder}")
