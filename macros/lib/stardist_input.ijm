// The network's input: channels of a plane in the model's order, normalised, at the model's pixel size.

// Return the path of a model's zip: as given if it is there, else the same model's zip for another
// TensorFlow, in the same folder, beside this macro, or in starbridge/models of this Fiji.
function findModel(path) {
	if (!isGiven(path)) return path;
	if (File.exists(path)) return path;
	name = File.getName(path);
	names = newArray(name, replace(name, ".tf1.15.", ".tf1.12."), replace(name, ".tf1.12.", ".tf1.15."));
	given = parentFolder(path);
	beside = macroFolder();
	installed = "" + getDirectory("imagej");
	if (isGiven(installed)) installed = joinPath(joinPath(installed, "starbridge"), "models");
	folders = newArray(given, beside, installed);
	for (f = 0; f < folders.length; f++) {
		for (n = 0; n < names.length; n++) {
			found = joinPath(folders[f], names[n]);
			if (isGiven(folders[f]) && File.exists(found)) {
				print(path + " does not exist; its place takes " + found);
				return found;
			}
		}
	}
	return path;
}

// Return the folder of this macro's file; "" where ImageJ does not know it.
function macroFolder() {
	path = "" + getInfo("macro.filepath");
	if (!isGiven(path) || !File.exists(path)) return "";
	folder = parentFolder(path);
	return folder;
}

// Return the channels that a text lists: "2", "3,1", "DAPI, GFP"; parted by semicolons if a name has a
// comma in it. "all 3" are the channels of an image that has three.
function splitChannels(text) {
	text = String.trim(text);
	if (matches(text, "all [1-9][0-9]?")) {
		parts = newArray(parseInt(substring(text, 4)));
		for (i = 0; i < parts.length; i++) parts[i] = "" + (i + 1);
		return parts;
	}
	mark = ",";
	if (indexOf(text, ";") >= 0) mark = ";";
	if (endsWith(text, mark)) text = substring(text, 0, lengthOf(text) - 1);
	parts = split(text, mark);
	for (i = 0; i < parts.length; i++) parts[i] = String.trim(parts[i]);
	return parts;
}

// Return the numbers of the active image's channels that a text lists as in splitChannels(), from
// index 1. Index 0 holds the problem, or "".
function findChannels(text) {
	getDimensions(width, height, count, slices, frames);
	wanted = splitChannels(text);
	numbers = newArray(wanted.length + 1);
	numbers[0] = "";
	names = channelNames("");
	if (startsWith(String.trim(text), "all ") && wanted.length != count) {
		numbers[0] = "has " + count + " channel(s), and the model takes " + wanted.length
			+ "; say which, in the model's order (1,2,...)";
		return numbers;
	}
	for (i = 0; i < wanted.length; i++) {
		number = findChannel(wanted[i], names);
		if (number == 0) {
			names = Array.slice(names, 1);
			list = String.join(names, ", ");
			numbers[0] = "has no channel " + wanted[i] + ", or several; its channels are " + list;
			return numbers;
		}
		numbers[i + 1] = number;
	}
	return numbers;
}

// Return the number of a channel, which is given as number or name, among the names of all channels,
// which begin at index 1: one of the very name, else of the name in other letters' case, else the
// only one with the name in it. The one channel of an image is any channel. 0: none, or several.
function findChannel(wanted, names) {
	count = names.length - 1;
	if (count == 1 && wanted != "") return 1;
	for (c = 1; c <= count; c++) {
		if (wanted == "" + c) return c;
	}
	for (c = 1; c <= count; c++) {
		if (wanted == names[c]) return c;
	}
	lower = toLowerCase(wanted);
	found = 0;
	matching = 0;
	for (c = 1; c <= count; c++) {
		if (lower == toLowerCase(names[c])) return c;
		if (lower != "" && indexOf(toLowerCase(names[c]), lower) >= 0) {
			found = c;
			matching++;
		}
	}
	if (matching == 1) return found;
	return 0;
}

// Return how often an image is enlarged along x and y (index 0 and 1) to the pixel size that the model
// was trained on, in micrometres; 1 for the same size, or one that is not known.
function scaleFactors(image, modelSize, name) {
	factors = newArray(1, 1);
	if (modelSize <= 0) return factors;
	selectImage(image);
	getPixelSize(unit, pixelWidth, pixelHeight);
	perUnit = micrometresPer(unit);
	if (perUnit == 0) {
		print(name + " has no pixel size in micrometres, and the model was trained on " + modelSize
			+ " um a pixel; the image is taken as it is");
		return factors;
	}
	x = pixelWidth * perUnit / modelSize;
	y = pixelHeight * perUnit / modelSize;
	// a difference of 5 % changes nothing for a network
	if (abs(x - 1) <= 0.05 && abs(y - 1) <= 0.05) return factors;
	factors[0] = x;
	factors[1] = y;
	return factors;
}

// Copy channels of one plane into a new 32-bit image, the active one, in their order. Numbers begin at
// index 1.
function copyChannels(image, numbers, z, t, title) {
	selectImage(image);
	if (numbers.length == 2) {
		duplicatePlane(title, numbers[1], z, t);
		run("32-bit");
		return;
	}
	getDimensions(width, height, count, slices, frames);
	newImage(title, "32-bit grayscale-mode", width, height, numbers.length - 1, 1, 1);
	copy = getImageID();
	for (i = 1; i < numbers.length; i++) {
		selectImage(image);
		duplicatePlane("starbridge-channel", numbers[i], z, t);
		run("32-bit");
		plane = getImageID();
		selectImage(copy);
		setSlice(i);
		imageCalculator("Copy", copy, plane);
		selectImage(plane);
		close();
	}
	selectImage(copy);
	setSlice(1);
}

// Return true if every slice of the active image has one value throughout.
function isBlank() {
	for (i = 1; i <= nSlices; i++) {
		if (nSlices > 1) setSlice(i);
		getRawStatistics(size, mean, lowest, highest);
		if (lowest != highest) return false;
	}
	return true;
}

// Return true if the active 32-bit image has pixels that are NaN or infinite.
function hasBrokenPixels() {
	for (i = 1; i <= nSlices; i++) {
		if (nSlices > 1) setSlice(i);
		// both leave out NaN
		getRawStatistics(size, mean, lowest, highest);
		margin = highest - lowest + abs(highest) + 1;
		if (isNaN(margin) || margin == 1/0) return true;
		getHistogram(values, counts, 1, lowest - margin, highest + margin);
		if (counts[0] != getWidth() * getHeight()) return true;
	}
	return false;
}

// Bring two percentiles of the active 32-bit image to 0 and 1: of each slice, or of all together.
// `isWhole`: its pixels are whole numbers. The plugin could only take those of all channels, after
// scaling. Return the problem, or "".
function normalizeSlices(isEach, low, high, isWhole) {
	count = nSlices;
	ranges = newArray(2 * count);
	for (i = 0; i < count; i++) {
		if (isEach) range = percentileRange(i + 1, i + 1, low, high, isWhole);
		else if (i == 0) range = percentileRange(1, count, low, high, isWhole);
		ranges[2 * i] = range[0];
		ranges[2 * i + 1] = range[1];
	}
	for (i = 0; i < count; i++) {
		if (count > 1) setSlice(i + 1);
		bottom = ranges[2 * i];
		top = ranges[2 * i + 1];
		getRawStatistics(size, mean, lowest, highest);
		if (top <= bottom && (lowest != highest || !isEach)) {
			return "is almost all background: its percentiles " + low + " and " + high + " are both "
				+ bottom + "; crop it, or set the percentiles further apart";
		}
		run("Subtract...", "value=" + d2s(bottom, -15));
		// a channel of one value is 0 throughout
		if (top > bottom) run("Divide...", "value=" + d2s(top - bottom, -15));
	}
	if (count > 1) setSlice(1);
	return "";
}

// Return two percentiles of the pixels in some slices of the active 32-bit image, with linear
// interpolation, as numpy does.
function percentileRange(first, last, low, high, isWhole) {
	size = 0;
	bottom = 1/0;
	top = -1/0;
	for (i = first; i <= last; i++) {
		if (nSlices > 1) setSlice(i);
		getRawStatistics(pixels, mean, lowest, highest);
		size = size + pixels;
		bottom = minOf(bottom, lowest);
		top = maxOf(top, highest);
	}
	totals = newArray(0);
	if (isWhole && top - bottom < 65536) {
		totals = newArray(top - bottom + 1);
		for (i = first; i <= last; i++) {
			if (nSlices > 1) setSlice(i);
			getHistogram(values, counts, totals.length, bottom - 0.5, top + 0.5);
			for (k = 0; k < totals.length; k++) totals[k] += counts[k];
		}
	}
	percentiles = newArray(low, high);
	range = newArray(2);
	for (k = 0; k < 2; k++) {
		rank = percentiles[k] / 100 * (size - 1);
		below = floor(rank);
		a = valueAtRank(below, first, last, bottom, top, totals);
		b = valueAtRank(minOf(below + 1, size - 1), first, last, bottom, top, totals);
		range[k] = a + (b - a) * (rank - below);
	}
	return range;
}

// Return the pixel of a rank from 0 in rising order, in some slices of the active 32-bit image, whose
// smallest and largest pixels are `bottom` and `top`. `totals`: counts of the whole numbers from
// `bottom` on, or empty.
function valueAtRank(rank, first, last, bottom, top, totals) {
	if (totals.length > 0) {
		seen = 0;
		for (k = 0; k < totals.length; k++) {
			seen = seen + totals[k];
			if (seen > rank) return bottom + k;
		}
	}
	// bisection, because a macro's array of all pixels takes fifty times the image's memory
	above = top;
	under = bottom;
	while (above - under > (top - bottom) / pow(2, 48)) {
		middle = (under + above) / 2;
		if (countUpTo(middle, first, last, bottom) > rank) above = middle;
		else under = middle;
	}
	return above;
}

// Return the number of pixels from the smallest one up to a larger value, in some slices of the active
// image.
function countUpTo(value, first, last, bottom) {
	total = 0;
	for (i = first; i <= last; i++) {
		if (nSlices > 1) setSlice(i);
		getHistogram(values, counts, 1, bottom, value);
		total = total + counts[0];
	}
	return total;
}

// Return true if the active image's pixels are whole numbers that mean themselves: 8 or 16 bits without
// a calibration of intensities, which conversion to 32 bits applies.
function hasWholeNumbers() {
	if (bitDepth() == 32) return false;
	if (calibrate(0) == 0 && calibrate(1) == 1) return true;
	return false;
}
