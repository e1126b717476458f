// The review of the active image: a folder that "starbridge fiji push" wrote, with the image in it.

// Return the problem of the active image if it is not that of a review folder, or "".
function checkReview() {
	if (countImages() == 0) return "no image; open NAME.tif of a review folder";
	folder = getDirectory("image");
	name = reviewedName();
	record = joinPath(folder, name + ".starbridge-review");
	if (folder != "" && File.exists(record)) return "";
	title = getTitle();
	return title + " is not the image of a review; open NAME.tif from the folder that"
		+ " starbridge fiji push wrote";
}

// Return the name of the active image in its review folder: that of its file, without the ending.
function reviewedName() {
	name = baseName(getInfo("image.filename"));
	return name;
}

// Save what the reviewer has open as a RoiSet.zip: the ROIs of the ROI Manager, or without a window
// those of the active image's overlay. Return the problem, or "".
function saveOpenRois(path) {
	if (!hasWindow()) {
		problem = saveRois(path);
		return problem;
	}
	if (roiManager("count") == 0) return "the ROI Manager is empty; open NAME_rois.zip of the review";
	roiManager("deselect");
	roiManager("save", path);
	if (File.exists(path)) return "";
	return path + " could not be written; check the free space";
}

// Show the ROIs of a RoiSet.zip as the active image's overlay, and in place of those in the ROI
// Manager. Return the problem, or "".
function showInPlace(path) {
	if (!hasWindow()) {
		problem = loadRois(path);
		return problem;
	}
	kept = emptyManager();
	IJ.redirectErrorMessages();
	// opened, not added: adding would move a ROI of all channels to the one that is shown
	roiManager("open", path);
	if (roiManager("count") == 0 && File.length(path) > 200) {
		restoreManager(kept);
		return path + " cannot be read as a RoiSet.zip; open it in the ROI Manager";
	}
	if (roiManager("count") > 0) run("From ROI Manager");
	else Overlay.remove;
	if (kept != "") done = File.delete(kept);
	return "";
}

// Return the lines of a command's output that do not end with the name of a file that is shown.
function withoutFiles(output, name) {
	mark = lastIndexOf(output, "starbridge-exit-status ");
	if (mark >= 0) output = substring(output, 0, mark);
	lines = split(String.trim(output), "\n");
	kept = "";
	for (i = 0; i < lines.length; i++) {
		line = String.trim(lines[i]);
		if (!endsWith(line, name + ".tif") && !endsWith(line, name + "_rois.zip")) {
			if (kept != "") kept = kept + "\n";
			kept = kept + line;
		}
	}
	return kept;
}
