// Label images (0 is background, every object has a number) to ROIs and back.

// Check that the active image can be a label image. Return the problem, or "".
function checkLabelImage(name) {
	getDimensions(width, height, channels, slices, frames);
	if (bitDepth() == 24) return name + " is a colour image; a label image has one number a pixel";
	if (channels > 1) return name + " has " + channels + " channels; a label image has one";
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		getRawStatistics(count, mean, lowest, highest);
		if (isNaN(lowest) || lowest < 0) {
			return name + " has pixels below 0 or without a number; labels are 0, 1, 2, and so on";
		}
		largest = maxOf(largest, highest);
	}
	if (largest > 1000000) {
		return name + " has labels above 1,000,000, too many for a macro; use the command"
			+ " starbridge convert";
	}
	return "";
}

// Return the largest value of the active image, in all its planes.
function largestValue() {
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		resetThreshold;
		getRawStatistics(area, mean, lowest, highest);
		largest = maxOf(largest, highest);
	}
	return largest;
}

// Trace every label of the active image along the edges of its pixels, into its overlay. Each ROI has
// the label as its name and in its properties, and in a stack its plane. Return the problem, or "".
function traceLabels(name) {
	setKeyDown("none");
	run("Select None");
	Overlay.remove;
	problem = checkLabelImage(name);
	if (problem != "") return problem;
	getDimensions(width, height, channels, slices, frames);
	largest = largestValue();
	digits = maxOf(4, lengthOf("" + largest));
	parts = newArray(largest + 1);
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		pixels = newArray(largest + 1);
		left = newArray(largest + 1);
		right = newArray(largest + 1);
		top = newArray(largest + 1);
		bottom = newArray(largest + 1);
		first = newArray(largest + 1);
		problem = scanLabels(name, pixels, left, right, top, bottom, first);
		if (problem != "") return problem;
		for (label = 1; label <= largest; label++) {
			if (pixels[label] > 0) {
				doWand(first[label], top[label], 0, "4-connected");
				getRawStatistics(area, mean, lowest, highest);
				if (area != pixels[label] || lowest != highest) {
					// it has a hole or several pieces, which the wand does not select
					selectLabel(label, left[label], top[label], right[label], bottom[label]);
				}
				parts[label] += 1;
				nameRoi(label, digits, parts[label]);
				if (nSlices > 1) Roi.setPosition(0, 1 + (p - 1) % slices, 1 + floor((p - 1) / slices));
				Overlay.addSelection;
			}
		}
	}
	run("Select None");
	return "";
}

// Find the number of pixels, the bounds and the first pixel of the first row of every label of the
// current plane, in one pass; results go into the arrays. Return the problem, or "".
function scanLabels(name, pixels, left, right, top, bottom, first) {
	width = getWidth();
	height = getHeight();
	for (y = 0; y < height; y++) {
		label = 0;
		start = 0;
		for (x = 0; x <= width; x++) {
			if (x < width) value = getPixel(x, y);
			else value = -1;
			if (value != label) {
				if (label > 0) {
					if (pixels[label] == 0) {
						left[label] = start;
						right[label] = x - 1;
						top[label] = y;
						first[label] = start;
					}
					left[label] = minOf(left[label], start);
					right[label] = maxOf(right[label], x - 1);
					bottom[label] = y;
					pixels[label] += x - start;
				}
				if (value != floor(value)) {
					return name + " has the value " + value + " at " + x + ", " + y
						+ "; labels are whole numbers";
				}
				label = value;
				start = x;
			}
		}
	}
	return "";
}

// Select all pixels of a label in the current plane by a threshold on a copy of its bounds.
function selectLabel(label, left, top, right, bottom) {
	labels = getImageID();
	// without the overlay: Duplicate would check each of its ROIs, which is slow
	kept = Overlay.size;
	if (kept > 0) {
		Overlay.copy;
		Overlay.remove;
	}
	makeRectangle(left, top, right - left + 1, bottom - top + 1);
	run("Duplicate...", "title=starbridge-label");
	setThreshold(label, label);
	run("Create Selection");
	run("Select None");
	close();
	selectImage(labels);
	run("Restore Selection");
	Roi.move(left, top);
	if (kept > 0) Overlay.paste;
}

// Name the selection by its label (0012; 0012-2 in a further plane), with the properties by which
// starbridge finds the object again.
function nameRoi(label, digits, part) {
	roiName = "" + label;
	while (lengthOf(roiName) < digits) roiName = "0" + roiName;
	if (part > 1) roiName = roiName + "-" + part;
	Roi.setName(roiName);
	Roi.setProperty("starbridge.id", call("java.util.UUID.randomUUID"));
	Roi.setProperty("starbridge.label", "" + label);
	Roi.setProperty("starbridge.roi_name", roiName);
}

// Draw the overlay of the active image into a new label image, which becomes the active one: 16-bit,
// or 32-bit where a label is above 65,535. It has so many slices and frames; 0 means as many as the
// ROIs name. Where ROIs overlap, the more probable lies on top; without probabilities the first one.
function drawLabels(labels, slices, frames) {
	count = Overlay.size;
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	bits = "16-bit";
	rank = newArray(count);
	z = newArray(count);
	t = newArray(count);
	lastSlice = 1;
	lastFrame = 1;
	for (i = 0; i < count; i++) {
		if (labels[i] > 65535) bits = "32-bit";
		Overlay.activateSelection(i);
		probability = parseFloat(Roi.getProperty("starbridge.prob"));
		if (isNaN(probability)) probability = 0;
		rank[i] = round(probability * 1000000) * count + count - i;
		plane = roiPlane(slices, frames);
		z[i] = plane[0];
		t[i] = plane[1];
		lastSlice = maxOf(lastSlice, z[i]);
		lastFrame = maxOf(lastFrame, t[i]);
	}
	run("Select None");
	if (slices == 0) slices = lastSlice;
	if (frames == 0) frames = lastFrame;
	order = Array.rankPositions(rank);
	width = getWidth();
	height = getHeight();
	if (count > 0) Overlay.copy;
	newImage("starbridge-labels", bits + " black", width, height, 1, slices, frames);
	setVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	if (count > 0) Overlay.paste;
	for (k = 0; k < count; k++) {
		i = order[k];
		Overlay.activateSelection(i);
		if (nSlices > 1) setSlice((minOf(t[i], frames) - 1) * slices + minOf(z[i], slices));
		setColor(labels[i]);
		fill();
	}
	run("Select None");
	Overlay.remove;
	if (nSlices > 1) setSlice(1);
	resetMinAndMax;
}
