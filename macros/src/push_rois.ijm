// push_rois.ijm: shows an image with the ROIs of a RoiSet.zip over it, for review.
//
// Needs   an image (or the active one, if no file is given) and a RoiSet.zip that starbridge or the
//         ROI Manager saved. ImageJ 1.53t or later; no plugin.
// Shows   the image with its pixel size; the ROIs with their colours, names and planes in the ROI
//         Manager, behind those that are there unless you have it emptied first. Without a window
//         they become the image's overlay. After the review, save the ROIs by More >> Save... in the
//         ROI Manager: class, probability and identity of each nucleus stay in its ROI.
// Writes  nothing.
//
// Menu      Plugins > StarBridge > push rois, after: starbridge fiji install
// Macro     run("push rois", "image_file=a.tif roi_file=a_rois.zip");
// Python    with Fiji(mode="gui") as fiji:
//               fiji.run_macro("push_rois.ijm", image_file="a.tif", roi_file="a_rois.zip")
// Headless  fiji --headless --run push_rois.ijm 'image_file="a.tif",roi_file="a_rois.zip"'

var macroName = "push_rois.ijm";

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip)", "");
	empty_first = truthSetting(empty_first, "Empty_first (the ROI Manager; what was not saved is lost)", false);
}
if (!isGiven(roi_file)) stop("no ROIs; choose a RoiSet.zip");
if (!isGiven(image_file) && countImages() == 0) stop("no image; open one or choose a file");
enterBatchMode(true);
if (isGiven(image_file)) stopOn(openImage(image_file));
shown = getImageID();
title = getTitle();
// onto an image of their own: if they cannot be read, the image keeps the overlay that it has
newImageLike(shown, "starbridge-rois", "8-bit");
carrier = getImageID();
stopOn(loadRois(roi_file));
count = Overlay.size;
outside = countOutside();
if (outside > 0) {
	print(outside + " of " + count + " ROIs lie outside the image; do they belong to " + title + "?");
}
if (hasWindow()) {
	if (empty_first) roiManager("reset");
	addToManager();
} else {
	copyOverlay(carrier, shown);
}
keepImage(shown);
endMacro(shown);
if (hasWindow()) roiManager("show all without labels");
print("showing " + count + " ROIs on " + title);
return "" + count;
