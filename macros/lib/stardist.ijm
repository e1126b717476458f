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

// Return the plugin's settings. Its input is normalised already: see normalizeSlices(). Numbers are
// quoted, because ImageJ writes others with four digits.
function starDistSettings(model, probability, overlap, tileCount, border) {
	return "'modelChoice':'Model (.zip) from File','modelFile':" + quoteArgument(model)
		+ ",'normalizeInput':'false','percentileBottom':'0','percentileTop':'100'"
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

// Return how an image becomes the network's input, for segmentImage(): the channels as in
// splitChannels(), whether the percentiles are those of each channel or of all together, and the
// micrometres a pixel that the model was trained on (0: not known).
function inputRecipe(channelText, isEach, low, high, modelSize) {
	return newArray("" + channelText, isEach, low, high, modelSize);
}

// Segment an image file, or without a path the active image, and write its results into a folder,
// unless they are there and not to be made again. Without a folder nothing is written. The label image
// of the active image stays open. Return the problem, or "".
function segmentImage(path, recipe, settings, folder, again) {
	name = inputName(path);
	// the table is written last
	if (isGiven(path) && !again && File.exists(resultPath(folder, "tables", name, "_table.csv"))) {
		print("done before: " + name);
		return "";
	}
	problem = openOrDuplicate(path);
	if (problem != "") return problem;
	shown = path;
	if (!isGiven(path)) shown = name;
	image = getImageID();
	channelList = splitChannels(recipe[0]);
	if (bitDepth() == 24) {
		if (channelList.length == 1) {
			return shown + " is a colour image, and the model takes one channel; split it (Image > Color >"
				+ " Split Channels) and choose one";
		}
		run("Make Composite");
		image = getImageID();
	}
	run("Select None");
	Overlay.remove;
	problem = segmentPlanes(image, shown, recipe, settings);
	if (problem != "") return shown + ": " + problem;
	labelImage = getImageID();
	setBatchMode(true);
	selectImage(labelImage);
	if (isGiven(folder)) problem = writeResults(image, name, folder);
	else problem = traceLabels(name);
	if (problem != "") return problem;
	isActiveImage = true;
	if (isGiven(path)) isActiveImage = false;
	showLabelImage(labelImage, name, isActiveImage);
	return "";
}

// Segment an image, plane by plane, into a label image, which becomes the active one: 16-bit, or 32-bit
// where a label is above 65,535. Labels count on through the planes. The recipe is that of
// inputRecipe(), settings are those of starDistSettings(). Return the problem, or "".
function segmentPlanes(image, name, recipe, settings) {
	numbers = findChannels(recipe[0]);
	if (numbers[0] != "") return numbers[0];
	factors = scaleFactors(image, recipe[4], name);
	selectImage(image);
	isWhole = hasWholeNumbers();
	newImageLike(image, "starbridge-labels", "32-bit");
	labelImage = getImageID();
	getDimensions(width, height, count, slices, frames);
	largest = 0;
	leftOut = "";
	done = 0;
	for (p = 1; p <= slices * frames; p++) {
		z = 1 + (p - 1) % slices;
		t = 1 + floor((p - 1) / slices);
		where = "";
		if (slices * frames > 1) where = "slice " + z + ", frame " + t + " ";
		copyChannels(image, numbers, z, t, "starbridge-plane");
		plane = getImageID();
		if (hasBrokenPixels()) return where + "has pixels that are NaN or infinite; replace them first";
		if (isBlank()) {
			print(name + ": " + where + "is blank; it has no nuclei");
			done++;
			selectImage(plane);
			close();
		} else {
			problem = normalizeSlices(recipe[1], recipe[2], recipe[3], isWhole);
			if (problem != "") {
				print(name + ": " + where + problem);
				leftOut = where + problem;
				selectImage(plane);
				close();
			} else {
				problem = findNuclei(plane, factors, width, height, settings);
				if (problem != "") return problem;
				found = getImageID();
				getRawStatistics(pixels, mean, lowest, highest);
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
				done++;
			}
		}
	}
	if (done == 0) return leftOut;
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

// Segment a normalised plane at the model's pixel size, and close it. Its label image, of a width and
// height, becomes the active image. Return the problem, or "".
function findNuclei(plane, factors, width, height, settings) {
	selectImage(plane);
	inputWidth = maxOf(1, round(width * factors[0]));
	inputHeight = maxOf(1, round(height * factors[1]));
	isScaled = inputWidth != width || inputHeight != height;
	if (isScaled) {
		each = "";
		if (nSlices > 1) each = " process";
		run("Scale...", "x=- y=- width=" + inputWidth + " height=" + inputHeight
			+ " interpolation=Bilinear average" + each + " create title=starbridge-scaled");
		scaled = getImageID();
		selectImage(plane);
		close();
		selectImage(scaled);
		rename("starbridge-plane");
		plane = scaled;
	}
	problem = runStarDist("starbridge-plane", settings);
	if (problem != "") return problem;
	found = getImageID();
	getDimensions(foundWidth, foundHeight, foundChannels, foundSlices, foundFrames);
	isPlane = foundSlices * foundFrames * foundChannels == 1;
	if (foundWidth != inputWidth || foundHeight != inputHeight || !isPlane) {
		return "the label image has another size than the plane; export the model again";
	}
	getRawStatistics(pixels, mean, lowest, highest);
	if (highest >= 65535) {
		return "a plane has 65,535 nuclei or more, and the plugin's numbers begin again there; cut"
			+ " the image, or use starbridge_segment.ijm";
	}
	selectImage(plane);
	close();
	selectImage(found);
	if (isScaled) run("Size...", "width=" + width + " height=" + height + " interpolation=None");
	return "";
}
