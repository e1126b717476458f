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
// Macro     run("labels to rois", "label_file=a_labels.tif roi_file=a_rois.zip");
// Python    with Fiji() as fiji:
//               fiji.run_macro("labels_to_rois.ijm", label_file="a_labels.tif", roi_file="a_rois.zip")
// Headless  fiji --headless --run labels_to_rois.ijm 'label_file="a_labels.tif",roi_file="a_rois.zip"'

var macroName = "labels_to_rois.ijm";

startMacro();
while (nextPass()) {
	label_file = fileSetting(label_file, "Label_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (to save, RoiSet.zip; empty: none)", "");
}
if (!isGiven(label_file) && countImages() == 0) stop("no label image; open one or choose a file");
if (isGiven(roi_file) && !endsWith(toLowerCase(roi_file), ".zip")) {
	stop(roi_file + " does not end with .zip; ROIs are saved as a RoiSet.zip");
}
enterBatchMode(true);
name = "" + label_file;
if (!isGiven(label_file)) name = getTitle();
stopOn(openOrDuplicate(label_file));
stopOn(traceLabels(name));
count = Overlay.size;
if (isGiven(roi_file)) {
	stopOn(saveRois(roi_file));
	print("wrote " + roi_file);
}
traced = getImageID();
shown = activeAtStart;
if (hasWindow()) {
	addToManager();
} else if (isGiven(label_file)) {
	keepImage(traced);
	shown = traced;
} else {
	copyOverlay(traced, shown);
}
endMacro(shown);
return "" + count;
