// take_new_segmentation.ijm: merges a new segmentation into the review that is open.
//
// Nothing needs to be closed or saved before. What you did in the ROI Manager is kept: deleted nuclei
// stay deleted, redrawn and added ones stay as they are, reclassified and renamed ones take the new
// outline. Only nuclei that you did not touch are replaced.
//
// Needs   starbridge, as starbridge segment does. The image NAME.tif of a review folder that starbridge
//         fiji push wrote, open and active, and its ROIs in the ROI Manager; without a window, in its
//         overlay. ImageJ 1.53t or later; no plugin.
// Writes  the review in its folder, as starbridge fiji push does. There is no undo for the ROI Manager:
//         its ROIs as they were are in the folder "earlier reviews"; the log says under which name.
// Shows   the merged ROIs in the ROI Manager and over the image; the log says what was merged.
//
// Menu      Plugins > StarBridge > take new segmentation, after: starbridge fiji install
// Macro     run("take new segmentation", "new_segmentation=new.geojson");
// Python    fiji.run_macro("take_new_segmentation.ijm", new_segmentation="new.geojson")
// Headless  fiji --headless --run take_new_segmentation.ijm 'new_segmentation="new.geojson"', called from
//           a macro that has opened the image

var macroName = "take_new_segmentation.ijm";

startMacro();
while (nextPass()) {
	new_segmentation = fileSetting(new_segmentation, "New_segmentation (RoiSet.zip, GeoJSON, labels, table)", "");
	command_path = textSetting(command_path, "Command_path (starbridge, if need be with its folder)", "starbridge");
}
if (!isGiven(new_segmentation)) stop("no new segmentation; choose its file");
if (!File.exists(new_segmentation)) stop(new_segmentation + " does not exist; check the spelling and the disk");
if (!isGiven(command_path)) stop("the command is empty; give starbridge, or its whole path");
stopOn(checkReview());
reviewed = getImageID();
reviewFolder = getDirectory("image");
reviewName = reviewedName();
opened = temporaryPath(".zip");
stopOn(saveOpenRois(opened));

print("starbridge merges " + new_segmentation + " into the review of " + reviewName);
imagePath = joinPath(reviewFolder, reviewName + ".tif");
zipPath = joinPath(reviewFolder, reviewName + "_rois.zip");
words = newArray(command_path, "fiji", "push", imagePath, "-d", "" + new_segmentation, "--out", reviewFolder);
words = Array.concat(words, "--rois", opened);
output = runCommand(words);
done = File.delete(opened);
missing = "";
if (indexOf(output, reviewName + "_rois.zip") < 0) missing = reviewName;
stopOn(commandProblem(command_path, output, missing));

selectImage(reviewed);
stopOn(showInPlace(zipPath));
keepImage(reviewed);
endMacro(reviewed);
if (hasWindow()) roiManager("show all without labels");
said = withoutFiles(output, reviewName);
print(said);
return said;
