// Masks to label images, and the files that every segmentation writes.

// Check that the active 32-bit image, also a stack, holds probabilities. Return the problem, or "".
function checkProbabilities(name) {
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		getRawStatistics(pixels, mean, lowest, highest);
		if (isNaN(mean) || lowest < -0.001 || highest > 1.001) {
			return name + " has values from " + lowest + " to " + highest
				+ "; a 32-bit probability map goes from 0 to 1";
		}
	}
	return "";
}

// Turn the active 32-bit image, also a stack, into a mask of the pixels that have at least a value;
// for NaN, Otsu's method finds the value of each plane.
function thresholdMask(value) {
	source = getImageID();
	title = getTitle();
	newImageLike(source, title, "8-bit");
	mask = getImageID();
	planes = nSlices;
	for (p = 1; p <= planes; p++) {
		selectImage(source);
		if (planes > 1) setSlice(p);
		run("Select None");
		getRawStatistics(pixels, mean, lowest, highest);
		low = value;
		isEmpty = lowest == highest && isNaN(value);
		if (isNaN(value) && !isEmpty) {
			resetMinAndMax;
			setAutoThreshold("Otsu dark");
			getThreshold(low, high);
			resetThreshold;
		}
		if (!isEmpty && highest >= low) {
			setThreshold(low, maxOf(highest, low) + 1);
			run("Create Selection");
			resetThreshold;
			run("Select None");
			selectImage(mask);
			if (planes > 1) setSlice(p);
			run("Restore Selection");
			setColor(255);
			fill();
			run("Select None");
		}
	}
	selectImage(source);
	close();
	selectImage(mask);
	if (planes > 1) setSlice(1);
}

// Turn the active mask (8-bit, objects 255), also a stack, into a label image, plane by plane. It
// becomes the active image. Areas are in pixels; a largest area of 0 means any.
function labelMask(withHoles, withWatershed, leastArea, largestArea, withoutBorder) {
	mask = getImageID();
	getDimensions(width, height, channels, slices, frames);
	stack = "";
	if (nSlices > 1) stack = " stack";
	setOption("BlackBackground", true);
	if (withHoles) run("Fill Holes", stack);
	if (withWatershed) run("Watershed", stack);
	limit = "Infinity";
	if (largestArea > 0) limit = "" + largestArea;
	exclude = "";
	if (withoutBorder) exclude = " exclude";
	Overlay.remove;
	run("Analyze Particles...", "size=" + leastArea + "-" + limit + " pixel show=Overlay" + exclude + stack);
	clearResults();
	count = Overlay.size;
	labels = newArray(count);
	for (i = 0; i < count; i++) {
		labels[i] = i + 1;
		Overlay.activateSelection(i);
		if (nSlices > 1) {
			p = getSliceNumber();
			Roi.setPosition(0, 1 + (p - 1) % slices, 1 + floor((p - 1) / slices));
		}
	}
	run("Select None");
	drawLabels(labels, slices, frames);
	labelImage = getImageID();
	// outlines were filled with their holes; multiplication by the mask restores these
	selectImage(mask);
	Overlay.remove;
	run("Divide...", "value=255" + stack);
	imageCalculator("Multiply" + stack, labelImage, mask);
	selectImage(mask);
	close();
	selectImage(labelImage);
	resetMinAndMax;
}

// Write lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv, as haug2's data set names
// them: the active label image, its ROIs and their measurements in another image, which becomes the
// active one. Return the problem, or "".
function writeResults(measured, name, folder) {
	labelImage = getImageID();
	path = resultPath(folder, "lbl", name, "_labels.tif");
	problem = saveTiff(path);
	if (problem != "") return problem;
	print("wrote " + path);
	problem = traceLabels(path);
	if (problem != "") return problem;
	if (Overlay.size == 0) print("no objects in " + name);
	path = resultPath(folder, "roi", name, "_rois.zip");
	if (Overlay.size > 0) {
		problem = saveRois(path);
		if (problem != "") return problem;
		print("wrote " + path);
	} else if (File.exists(path)) {
		// the ROIs of an earlier run would pass for those of this one
		done = File.delete(path);
	}
	getDimensions(width, height, channels, slices, frames);
	labels = assignLabels(slices, frames);
	if (Overlay.size > 0) copyOverlay(labelImage, measured);
	else selectImage(measured);
	path = resultPath(folder, "tables", name, "_table.csv");
	problem = measureRois(path, labels, "");
	if (problem != "") return problem;
	print("wrote " + path);
	return "";
}

// Leave a label image and its ROIs to the user under the name of its file, if wanted.
function showLabelImage(labelImage, name, wanted) {
	if (!wanted) return;
	selectImage(labelImage);
	rename(name + "_labels.tif");
	keepImage(labelImage);
	if (hasWindow() && Overlay.size > 0) addToManager();
}
