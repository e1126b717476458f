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
// Macro     run("rois to labels", "roiFile=a_rois.zip imageFile=a.tif labelFile=a_labels.tif");
// Python    with Fiji() as fiji:
//               fiji.run_macro("rois_to_labels.ijm",
//                              roiFile="a_rois.zip", imageFile="a.tif", labelFile="a_labels.tif")
// Headless  fiji --headless --run rois_to_labels.ijm 'roiFile="a_rois.zip",imageFile="a.tif",labelFile="a_labels.tif"'

#@ File (label="RoiSet.zip (empty: the active image's overlay, or the ROI Manager)", style="open", required=false, persist=false) roiFile
#@ File (label="Image that the ROIs belong to (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ Integer (label="Width, if there is no image", value=0, min=0, persist=false) givenWidth
#@ Integer (label="Height, if there is no image", value=0, min=0, persist=false) givenHeight
#@ File (label="Save label image as (TIFF)", style="save", persist=false) labelFile
#@ Boolean (label="Show the label image", value=true, persist=false) showLabels

var macroName = "rois_to_labels.ijm";

startMacro();
if (!isGiven(labelFile)) stop("no name for the label image; choose where to save it");
if (!endsWith(toLowerCase(labelFile), ".tif") && !endsWith(toLowerCase(labelFile), ".tiff")) {
	stop(labelFile + " does not end with .tif; label images are saved as TIFF");
}
hasSize = givenWidth > 0 || givenHeight > 0;
if (!isGiven(imageFile) && !hasSize && nImages == 0) {
	stop("the size of the label image is not known; open or choose the image, or give width and height");
}
if (!isGiven(imageFile) && hasSize && givenWidth * givenHeight == 0) stop("width or height is 0; give both");
enterBatchMode(false);

// the ROIs are put on an image of their own, so that the user's stays as it is
overlaid = 0;
if (!isGiven(roiFile) && nImages > 0) {
	if (Overlay.size > 0) {
		// Duplicate copies the ROIs; Overlay.copy would share them with the user's image
		stopOn(openOrDuplicate(""));
		overlaid = getImageID();
	}
}
slices = 0;
frames = 0;
if (isGiven(imageFile) || !hasSize) {
	if (isGiven(imageFile)) stopOn(openImage(imageFile));
	else selectImage(activeAtStart);
	getDimensions(width, height, channels, slices, frames);
	newImageLike(getImageID(), "starbridge-rois", "8-bit");
} else {
	newImage("starbridge-rois", "8-bit black", givenWidth, givenHeight, 1);
	setVoxelSize(1, 1, 1, "pixel");
}
carrier = getImageID();
if (overlaid != 0) copyOverlay(overlaid, carrier);
stopOn(gatherRois(roiFile));
labels = assignLabels(slices, frames);
drawLabels(labels, slices, frames);
labelImage = getImageID();
stopOn(saveTiff(labelFile));
print("wrote " + labelFile);
rename(File.getName(labelFile));
if (showLabels) keepImage(labelImage);
else labelImage = activeAtStart;
endMacro(labelImage);
return "" + labels.length;
