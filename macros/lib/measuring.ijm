// Measurements of ROIs in all channels, as a CSV file.

// Measure the overlay of the active image in every channel and write a CSV file, a row for each ROI.
// Labels are those of assignLabels(), channel names as in channelNames(). Return the problem, or "".
function measureRois(path, labels, wantedNames) {
	problem = makeFolder(parentFolder(path));
	if (problem != "") return problem;
	names = channelNames(wantedNames);
	if (names[0] != "") return names[0];
	image = getImageID();
	getDimensions(width, height, channels, slices, frames);
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	factor = micrometresPer(voxelUnit);
	if (factor == 0) factor = NaN;
	voxelWidth = voxelWidth * factor;
	voxelHeight = voxelHeight * factor;
	count = Overlay.size;
	heads = newArray(count);
	planes = newArray(count);
	counts = newArray(slices * frames + 1);
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		plane = roiPlane(slices, frames);
		z = plane[0];
		t = plane[1];
		planes[i] = (t - 1) * slices + z;
		counts[planes[i]] += 1;
		roiName = Roi.getName;
		roiClass = Roi.getProperty("starbridge.class");
		roiClass = decodePercent(roiClass);
		heads[i] = "" + labels[i] + "," + csvCell(roiName) + "," + csvCell(roiClass) + "," + z + "," + t;
	}
	run("Select None");
	rows = newArray(count);
	if (count > 0) {
		Overlay.copy;
		Overlay.remove;
		// keep the ROIs on an image of their own, in the same planes
		newImageLike(image, "starbridge-rois", "8-bit");
		carrier = getImageID();
		Overlay.paste;
		hasTable = isOpen("Results");
		if (hasTable) IJ.renameResults("Results", "starbridge-results");
		run("Set Measurements...",
			"area mean standard min centroid perimeter shape integrated median redirect=None decimal=9");
		for (p = 1; p <= slices * frames; p++) {
			isOnly = counts[p] == count;
			if (counts[p] > 0) measurePlane(image, carrier, p, planes, isOnly, voxelWidth, voxelHeight, rows);
		}
		if (hasTable) IJ.renameResults("starbridge-results", "Results");
		selectImage(carrier);
		Overlay.copy;
		close();
		selectImage(image);
		Overlay.paste;
	}
	part = partPath(path);
	if (File.exists(part)) done = File.delete(part);
	file = File.open(part);
	line = measurementHeader(names);
	print(file, line);
	for (i = 0; i < count; i++) print(file, heads[i] + rows[i]);
	File.close(file);
	problem = publishFile(part, path);
	return problem;
}

// Return the header line of the CSV file for channel names from index 1.
function measurementHeader(names) {
	line = "labelimage_oid,name,class,slice,frame,Area_um2,Area_px,X_um,Y_um,X_px,Y_px,"
		+ "Perimeter_um,Perimeter_px,Circularity";
	columns = newArray("_Mean", "_Min", "_Max", "_StdDev", "_Median", "_IntDen_um2", "_RawIntDen");
	for (c = 1; c < names.length; c++) {
		for (k = 0; k < columns.length; k++) {
			column = "" + names[c] + columns[k];
			line = line + "," + csvCell(column);
		}
	}
	return line;
}

// Measure the ROIs of one plane in all channels and write the rest of their rows. `isOnly`: all ROIs
// are in this plane. Voxel sizes are in micrometres, NaN where the image has none.
function measurePlane(image, carrier, plane, planes, isOnly, voxelWidth, voxelHeight, rows) {
	selectImage(image);
	getDimensions(width, height, channels, slices, frames);
	z = 1 + (plane - 1) % slices;
	t = 1 + floor((plane - 1) / slices);
	measured = carrier;
	if (!isOnly) {
		newImage("starbridge-plane-rois", "8-bit black", width, height, 1);
		measured = getImageID();
		for (i = 0; i < planes.length; i++) {
			if (planes[i] == plane) {
				selectImage(carrier);
				Overlay.activateSelection(i);
				run("Select None");
				selectImage(measured);
				run("Restore Selection");
				Overlay.addSelection;
			}
		}
		run("Select None");
	}
	selectImage(measured);
	Overlay.copy;
	for (c = 1; c <= channels; c++) {
		selectImage(image);
		duplicatePlane("starbridge-plane", c, z, t);
		// in pixels, from which the columns in either unit are computed
		run("Properties...", "channels=1 slices=1 frames=1 unit=pixel pixel_width=1 pixel_height=1"
			+ " voxel_depth=1 origin=0,0");
		Overlay.paste;
		Overlay.measure;
		close();
		row = 0;
		for (i = 0; i < planes.length; i++) {
			if (planes[i] == plane) {
				area = getResult("Area", row);
				if (c == 1) {
					x = getResult("X", row);
					y = getResult("Y", row);
					length = getResult("Perim.", row);
					// only square pixels have one length for all directions
					side = NaN;
					if (voxelWidth == voxelHeight) side = voxelWidth;
					rows[i] = "," + csvNumber(area * voxelWidth * voxelHeight) + "," + csvNumber(area)
						+ "," + csvNumber(x * voxelWidth) + "," + csvNumber(y * voxelHeight)
						+ "," + csvNumber(x) + "," + csvNumber(y)
						+ "," + csvNumber(length * side) + "," + csvNumber(length)
						+ "," + csvNumber(getResult("Circ.", row));
				}
				mean = getResult("Mean", row);
				rows[i] = rows[i] + "," + csvNumber(mean) + "," + csvNumber(getResult("Min", row))
					+ "," + csvNumber(getResult("Max", row)) + "," + csvNumber(getResult("StdDev", row))
					+ "," + csvNumber(getResult("Median", row))
					+ "," + csvNumber(mean * area * voxelWidth * voxelHeight)
					+ "," + csvNumber(getResult("RawIntDen", row));
				row++;
			}
		}
		clearResults();
	}
	if (!isOnly) {
		selectImage(measured);
		close();
	}
}

// Empty the Results table and close its window, if there is one.
function clearResults() {
	run("Clear Results");
	if (isOpen("Results")) {
		selectWindow("Results");
		run("Close");
	}
}

// Return a text as a cell of a CSV file.
function csvCell(text) {
	text = "" + text;
	quote = fromCharCode(34);
	if (indexOf(text, quote) < 0 && indexOf(text, ",") < 0 && indexOf(text, "\n") < 0) return text;
	return quote + replace(text, quote, quote + quote) + quote;
}

// Return a number as a cell of a CSV file, with up to six decimals; empty for NaN.
function csvNumber(value) {
	if (isNaN(value)) return "";
	if (value == floor(value)) return d2s(value, 0);
	return d2s(value, 6);
}

// Return a text without percent encoding (%C3%A9 is an e with an accent), which starbridge uses in ROIs.
function decodePercent(text) {
	if (indexOf(text, "%") < 0) return text;
	return call("java.net.URLDecoder.decode", replace(text, "[+]", "%2B"), "UTF-8");
}
