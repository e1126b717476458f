// rois_to_labels.ijm: draws ROIs into a label image.
//
// An object's label is the number that starbridge keeps in its ROI, else the number that is its name
// (0012), else its place in the list. Two ROIs of a plane with the same number do not become one
// object: the second gets a new number, and the log names how many did. Where ROIs overlap, the more probable
// one lies on top, as StarDist draws them; without probabilities the one that comes first.
//
// Needs   a RoiSet.zip; or, if none is given, the overlay of the active image; or the ROI Manager.
//         The size comes from the image (a file, or the active one), else from width and height.
//         ImageJ 1.53t or later; no plugin. Lines, points and texts are left out.
// Writes  a label TIFF: 16-bit, 32-bit where a label is above 65,535. It stays open if you want.
//
// Menu      Plugins > StarBridge > rois to labels, after: starbridge fiji install
// Macro     run("rois to labels", "roi_file=a_rois.zip image_file=a.tif label_file=a_labels.tif");
// Python    with Fiji() as fiji:
//               fiji.run_macro("rois_to_labels.ijm",
//                              roi_file="a_rois.zip", image_file="a.tif", label_file="a_labels.tif")
// Headless  fiji --headless --run rois_to_labels.ijm 'roi_file="a_rois.zip",image_file="a.tif",label_file="a_labels.tif"'

var macroName = "rois_to_labels.ijm";

startMacro();
while (nextPass()) {
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip; empty: overlay or ROI Manager)", "");
	image_file = fileSetting(image_file, "Image_file (of the ROIs; empty: the active image)", "");
	given_width = wholeSetting(given_width, "Given_width (if there is no image)", 0, 0, 1/0);
	given_height = wholeSetting(given_height, "Given_height (if there is no image)", 0, 0, 1/0);
	label_file = fileSetting(label_file, "Label_file (to save, TIFF)", "");
	show_labels = truthSetting(show_labels, "Show_labels", true);
}
if (!isGiven(label_file)) stop("no name for the label image; choose where to save it");
if (!endsWith(toLowerCase(label_file), ".tif") && !endsWith(toLowerCase(label_file), ".tiff")) {
	stop(label_file + " does not end with .tif; label images are saved as TIFF");
}
hasSize = given_width > 0 || given_height > 0;
if (!isGiven(image_file) && !hasSize && countImages() == 0) {
	stop("the size of the label image is not known; open or choose the image, or give width and height");
}
if (!isGiven(image_file) && hasSize && given_width * given_height == 0) stop("width or height is 0; give both");
enterBatchMode(false);

// the ROIs are put on an image of their own, so that the user's stays as it is
overlaid = 0;
if (!isGiven(roi_file) && countImages() > 0) {
	if (Overlay.size > 0) {
		// Duplicate copies the ROIs; Overlay.copy would share them with the user's image
		stopOn(openOrDuplicate(""));
		overlaid = getImageID();
	}
}
slices = 0;
frames = 0;
if (isGiven(image_file) || !hasSize) {
	if (isGiven(image_file)) stopOn(openImage(image_file));
	else selectImage(activeAtStart);
	getDimensions(width, height, channels, slices, frames);
	newImageLike(getImageID(), "starbridge-rois", "8-bit");
} else {
	newImage("starbridge-rois", "8-bit black", given_width, given_height, 1);
	setVoxelSize(1, 1, 1, "pixel");
}
carrier = getImageID();
if (overlaid != 0) copyOverlay(overlaid, carrier);
stopOn(gatherRois(roi_file));
labels = assignLabels(slices, frames);
drawLabels(labels, slices, frames);
labelImage = getImageID();
stopOn(saveTiff(label_file));
print("wrote " + label_file);
rename(File.getName(label_file));
if (show_labels) keepImage(labelImage);
else labelImage = activeAtStart;
endMacro(labelImage);
return "" + labels.length;
