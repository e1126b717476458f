// ROIs in the overlay of an image.

// Put the overlay of an image on another one, which becomes the active one.
function copyOverlay(from, onto) {
	selectImage(from);
	if (Overlay.size == 0) return;
	Overlay.copy;
	selectImage(onto);
	Overlay.paste;
}

// Put the ROIs to work on into the overlay of the active image: those of a RoiSet.zip, else those that
// it has, else those of the ROI Manager. ROIs without an area are left out. Return the problem, or "".
function gatherRois(path) {
	if (isGiven(path)) {
		problem = loadRois(path);
		if (problem != "") return problem;
	} else if (Overlay.size == 0) {
		count = 0;
		if (hasWindow()) count = roiManager("count");
		if (count == 0) return "there are no ROIs; choose a RoiSet.zip, or open one";
		turnOffShowAll();
		run("From ROI Manager");
	}
	removeOpenRois();
	if (Overlay.size == 0) return "none of the ROIs encloses an area; choose another RoiSet.zip";
	return "";
}

// Remove the ROIs that enclose no area from the overlay: lines, points, angles, texts.
function removeOpenRois() {
	removed = 0;
	for (i = Overlay.size - 1; i >= 0; i--) {
		Overlay.activateSelection(i);
		kind = selectionType();
		if (kind > 4 && kind != 9) {
			Overlay.removeSelection(i);
			removed++;
		}
	}
	run("Select None");
	if (removed > 0) print("left out " + removed + " ROIs that enclose no area (lines, points, texts)");
}

// Return the number of ROIs of the overlay of which no part lies in the active image. A star outline
// begins in the image, but its rays may end beyond the border: that is no sign of another image.
function countOutside() {
	outside = 0;
	for (i = 0; i < Overlay.size; i++) {
		Overlay.activateSelection(i);
		getSelectionBounds(x, y, w, h);
		if (x >= getWidth() || y >= getHeight() || x + w <= 0 || y + h <= 0) outside++;
	}
	run("Select None");
	return outside;
}

// Return slice and frame of the active ROI, from 1, in an image of so many; 0 where that is not known.
// Of an image that has only channels or only frames, ImageJ stores one number, which means what the
// dimensions make of it.
function roiPlane(slices, frames) {
	Roi.getPosition(c, z, t);
	if (slices == 1 && frames > 1 && t == 0) {
		t = z;
		z = 1;
	}
	z = maxOf(z, 1);
	t = maxOf(t, 1);
	if (slices > 0) z = minOf(z, slices);
	if (frames > 0) t = minOf(t, frames);
	return newArray(z, t);
}

// Return the label of each ROI of the overlay: starbridge's property, else the number that is its
// name, else its position in the list. No two ROIs of a plane share a label. The image that they are
// of has so many slices and frames; 0 where that is not known.
function assignLabels(slices, frames) {
	count = Overlay.size;
	labels = newArray(count);
	planes = newArray(count);
	largest = 0;
	List.clear();
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		plane = roiPlane(slices, frames);
		planes[i] = "" + plane[0] + "/" + plane[1] + "/";
		text = Roi.getProperty("starbridge.label");
		// ImageJ's own names (0123-0456) are coordinates, those of starbridge are 0012 or 0012-2
		if (!matches(text, "[1-9][0-9]{0,8}")) text = Roi.getName;
		if (!matches(text, "0*[1-9][0-9]{0,8}(-[0-9]{1,3})?")) text = "0";
		if (indexOf(text, "-") > 0) text = substring(text, 0, indexOf(text, "-"));
		label = parseInt(text);
		if (label > 0 && List.get(planes[i] + label) == "") {
			labels[i] = label;
			List.set(planes[i] + label, "taken");
			largest = maxOf(largest, label);
		}
	}
	renumbered = 0;
	for (i = 0; i < count; i++) {
		if (labels[i] == 0) {
			label = i + 1;
			if (List.get(planes[i] + label) != "") {
				label = maxOf(largest, count) + 1;
				renumbered++;
			}
			labels[i] = label;
			List.set(planes[i] + label, "taken");
			largest = maxOf(largest, label);
		}
	}
	List.clear();
	run("Select None");
	if (renumbered > 0) print(renumbered + " ROIs had the label of another one and got a new number");
	return labels;
}
