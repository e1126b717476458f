// export_annotations.groovy: writes annotations and the image regions in them, for training sets.
//
// Needs   QuPath 0.4 to 0.7, and an image or a project with annotations.
// Writes  for each image, into a folder:
//           geojsons/NAME.geojson            its annotations, with UUIDs and classes
//           ROIsTif/NAME (Class)_001.tif     the region of each annotation with an area: all
//                                            channels, the pixel size, the annotation as ImageJ's
//                                            selection; (none) where it has no class; cut to the
//                                            image, and none for an annotation outside of it.
//                                            The class is the only round bracket, by which programs
//                                            sort: others in NAME and Class become square
//           ROIs/NAME_rois.zip               all annotations for ImageJ's ROI Manager, at their
//                                            place in the whole image
//         All of it is as QuPath shows the image, also where that is its file rotated or cropped.
//         Numbers run from top to bottom of the image and are the same in all three; points and
//         lines have a number too, and no TIFF. `starbridge qupath pull --crops` writes the very
//         same files.
//         The open image is exported as it is on the screen, others as they were saved last.
//
// Script editor  Automate › Script editor, open this file, fill in the settings, Run.
// Command line   QuPath script export_annotations.groovy -a project=PROJECT/project.qpproj
//                goes through all images and ends with status 1 if one failed. With
//                -p PROJECT/project.qpproj -i IMAGE it exports one image; with -p alone QuPath
//                reports an image that failed only in its log.

import qupath.lib.scripting.QP

// ---- Settings ------------------------------------------------------------------------------------
def settings = [
    images: 'open',         // 'open': the open image; 'project': every image of the project
    folder: '',             // where to write; '' means export in the project's folder
    classes: '',            // only annotations of these classes, with commas; '' means all
    margin: 0,              // pixels of the image around an annotation's region
    downsample: 1.0,        // 2.0 writes regions of half the size
    detections: false,      // write the detections into the GeoJSON, too
    regions: true,          // write the TIFFs
    rois: true,             // write the ImageJ ROIs
    project: '',            // a project.qpproj to open for this: then all its images
]
// --------------------------------------------------------------------------------------------------

settings = applyArguments(settings, commandLineArguments(binding))
if (settings.downsample < 1)
    throw new IllegalArgumentException("downsample is ${settings.downsample}; give 1 or more.")
if (settings.images == 'project' && binding.variables['qupath.script.batchIndex'])
    return  // Run for project starts the script for every image; the first one has exported all

File folder = exportFolder(settings.folder, 'export', settings.project)
def classes = settings.classes.toString().split(',')*.trim().findAll { it }
forEachImage(imagesToExport(settings.images, settings.project)) { imageData, name ->
    def hierarchy = imageData.getHierarchy()
    def annotations = sortByPosition(hierarchy.getAnnotationObjects().findAll {
        it.hasROI() && (!classes || it.getPathClass()?.toString() in classes)
    })
    def detections = settings.detections ? hierarchy.getDetectionObjects() as List : []
    if (annotations || detections)
        writeAnnotations(fileInside(folder, "geojsons/${name}.geojson"), imageData, name, annotations, detections)
    if (settings.rois && annotations)
        writeRois(fileInside(folder, "ROIs/${name}_rois.zip"), imageData, annotations)
    int regions = settings.regions
        ? writeRegions(new File(folder, 'ROIsTif'), imageData, name, annotations, settings)
        : 0
    return "${annotations.size()} annotations, ${regions} regions"
}
println("Written to ${folder}")
