// labels_to_rois.ijm: makes a ROI of every object of a label image.
//
// The outlines run exactly along the edges of the pixels, so that a ROI's area is the number of its
// pixels; objects with holes or in several pieces become one composite ROI. The name is the label
// (0001, 0002, ...), and in a stack every ROI knows its slice and frame.
//
// Needs   a label image of whole numbers (8-bit, 16-bit or 32-bit TIFF, also a stack): a file, or
//         the active image if no file is given. ImageJ 1.53t or later; no plugin.
// Writes  a RoiSet.zip, if a name is given. The ROIs go to the ROI Manager (behind those that are
//         there); without a window they become the overlay of the image, which then stays open.
//
// Menu      Plugins > StarBridge > labels to rois, after: starbridge fiji install
// Macro     run("labels to rois", "labelFile=a_labels.tif roiFile=a_rois.zip");
// Python    with Fiji() as fiji:
//               fiji.run_macro("labels_to_rois.ijm", labelFile="a_labels.tif", roiFile="a_rois.zip")
// Headless  fiji --headless --run labels_to_rois.ijm 'labelFile="a_labels.tif",roiFile="a_rois.zip"'

#@ File (label="Label image (empty: the active image)", style="open", required=false, persist=false) labelFile
#@ File (label="Save ROIs as (RoiSet.zip; empty: do not save)", style="save", required=false, persist=false) roiFile

var macroName = "labels_to_rois.ijm";

startMacro();
if (!isGiven(labelFile) && nImages == 0) stop("no label image; open one or choose a file");
if (isGiven(roiFile) && !endsWith(toLowerCase(roiFile), ".zip")) {
	stop(roiFile + " does not end with .zip; ROIs are saved as a RoiSet.zip");
}
enterBatchMode(true);
name = "" + labelFile;
if (!isGiven(labelFile)) name = getTitle();
stopOn(openOrDuplicate(labelFile));
stopOn(traceLabels(name));
count = Overlay.size;
if (isGiven(roiFile)) {
	stopOn(saveRois(roiFile));
	print("wrote " + roiFile);
}
traced = getImageID();
shown = activeAtStart;
if (hasWindow()) {
	addToManager();
} else if (isGiven(labelFile)) {
	keepImage(traced);
	shown = traced;
} else {
	copyOverlay(traced, shown);
}
endMacro(shown);
return "" + count;
