// Fiji's StarDist plugin, one plane after the other.

// Return true if Fiji has the StarDist plugin.
function hasStarDist() {
	if (hasWindow()) {
		List.setCommands;
		command = List.get("Command From Macro");
		List.clear();
		if (command != "") return true;
	}
	// without a window ImageJ has no list of commands
	found = "" + call("java.lang.Class.forName", "de.csbdresden.stardist.StarDist2D");
	if (startsWith(found, "class ")) return true;
	return false;
}

// Check the zip of a model by its name. Return the problem, or "".
function checkModel(path) {
	if (!isGiven(path)) return "no model; choose the zip that starbridge export wrote";
	if (!File.exists(path)) return path + " does not exist; choose the zip that starbridge export wrote";
	if (!endsWith(toLowerCase(path), ".zip")) {
		return path + " is no zip; the plugin takes the zip that starbridge export wrote";
	}
	return "";
}

// Return the plugin's settings. Numbers are quoted, because ImageJ writes others with four digits.
function starDistSettings(model, low, high, probability, overlap, tileCount, border) {
	return "'modelChoice':'Model (.zip) from File','modelFile':" + quoteArgument(model)
		+ ",'normalizeInput':'true','percentileBottom':'" + d2s(low, 9) + "'"
		+ ",'percentileTop':'" + d2s(high, 9) + "'"
		+ ",'probThresh':'" + d2s(probability, 9) + "','nmsThresh':'" + d2s(overlap, 9) + "'"
		// without a window the plugin fails silently on any output that needs the ROI Manager
		+ ",'outputType':'Label Image','nTiles':'" + tileCount + "','excludeBoundary':'" + border + "'"
		+ ",'roiPosition':'Automatic','verbose':'false','showCsbdeepProgress':'false'"
		+ ",'showProbAndDist':'false'";
}

// Return a text in quotes as the plugin's arguments take it, with its own quotes and brackets escaped.
function quoteArgument(text) {
	quoted = "";
	for (i = 0; i < lengthOf(text); i++) {
		code = charCodeAt(text, i);
		if (code == 34 || code == 39 || code == 91 || code == 92 || code == 93) {
			quoted = quoted + fromCharCode(92) + "u00" + toHex(code);
		} else {
			quoted = quoted + substring(text, i, i + 1);
		}
	}
	return "'" + quoted + "'";
}

// Segment one channel of an image file and write its results into a folder, unless they are there and
// not to be made again. Settings are those of starDistSettings(). Return the problem, or "".
function segmentFile(path, channel, settings, folder, again) {
	name = baseName(path);
	// the table is written last
	table = resultPath(folder, "tables", name, "_table.csv");
	if (File.exists(table) && !again) {
		print("done before: " + name);
		return "";
	}
	problem = openImage(path);
	if (problem != "") return problem;
	if (bitDepth() == 24) return path + " is a colour image; the model takes one channel of a fluorescence image";
	measured = getImageID();
	getDimensions(width, height, channels, slices, frames);
	if (channel > channels) return path + " has no channel " + channel + "; it has " + channels;
	run("Select None");
	Overlay.remove;
	problem = segmentPlanes(measured, channel, settings);
	if (problem != "") return path + ": " + problem;
	labelImage = getImageID();
	setBatchMode(true);
	selectImage(labelImage);
	problem = writeResults(measured, name, folder);
	return problem;
}

// Segment one channel of an image, plane by plane, into a label image, which becomes the active one:
// 16-bit, or 32-bit where a label is above 65,535. Labels count on through the planes. Settings are
// those of starDistSettings(). Return the problem, or "".
function segmentPlanes(measured, channel, settings) {
	newImageLike(measured, "starbridge-labels", "32-bit");
	labelImage = getImageID();
	getDimensions(width, height, channels, slices, frames);
	largest = 0;
	for (p = 1; p <= slices * frames; p++) {
		selectImage(measured);
		duplicatePlane("starbridge-plane", channel, 1 + (p - 1) % slices, 1 + floor((p - 1) / slices));
		plane = getImageID();
		problem = runStarDist("starbridge-plane", settings);
		if (problem != "") return problem;
		found = getImageID();
		getDimensions(foundWidth, foundHeight, foundChannels, foundSlices, foundFrames);
		if (foundWidth != width || foundHeight != height || foundSlices * foundFrames * foundChannels != 1) {
			return "the label image has another size than the plane; export the model again";
		}
		getRawStatistics(pixels, mean, lowest, highest);
		if (highest >= 65535) {
			return "a plane has 65,535 nuclei or more, and the plugin's numbers begin again there; cut"
				+ " the image, or use starbridge_segment.ijm";
		}
		run("32-bit");
		if (largest > 0) {
			run("Add...", "value=" + largest);
			changeValues(largest, largest, 0);
		}
		selectImage(labelImage);
		if (nSlices > 1) setSlice(p);
		imageCalculator("Add", labelImage, found);
		largest = largest + highest;
		selectImage(found);
		close();
		selectImage(plane);
		close();
	}
	selectImage(labelImage);
	if (nSlices > 1) setSlice(1);
	if (largest <= 65535) {
		// values must not be scaled to the range of the type
		setOption("ScaleConversions", false);
		run("16-bit");
	}
	resetMinAndMax;
	return "";
}

