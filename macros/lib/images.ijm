// Opening, copying and saving images, and their planes.

// Open an image. Return the problem, or "".
function openImage(path) {
	if (!File.exists(path)) return path + " does not exist; check the spelling and the disk";
	if (File.isDirectory(path)) return path + " is a folder; choose an image";
	before = countImages();
	// a damaged file must not end the macro
	IJ.redirectErrorMessages();
	open(path);
	opened = countImages() - before;
	if (opened == 1) return "";
	if (opened > 1) {
		return path + " opens as " + opened + " images (series); save each as a TIFF of its own, or use starbridge"
			+ " segment";
	}
	return path + " cannot be opened as an image; check that it opens in ImageJ";
}

// Open an image; without a path, copy the active one, so that its overlay and selection stay as they
// are. Return the problem, or "".
function openOrDuplicate(path) {
	if (isGiven(path)) {
		problem = openImage(path);
		return problem;
	}
	run("Select None");
	run("Duplicate...", "title=starbridge-image duplicate");
	return "";
}

// Return the name for an image's results: that of its file, else of the active image, without the
// format's ending.
function inputName(path) {
	if (isGiven(path)) {
		name = baseName(path);
		return name;
	}
	// a title may hold what a file name may not
	title = replace(getTitle(), "[\\x00-\\x1f<>:\\x22/\\\\|?*]", "_");
	name = baseName(title);
	return name;
}

// Save the active image as a TIFF. Return the problem, or "".
function saveTiff(path) {
	problem = makeFolder(parentFolder(path));
	if (problem != "") return problem;
	title = getTitle();
	part = partPath(path);
	saveAs("Tiff", part);
	rename(title);
	problem = publishFile(part, path);
	return problem;
}

// Make a black image with an image's width, height, slices, frames and pixel size, and one channel.
// It becomes the active one. The type is ImageJ's: 8-bit, 16-bit, 32-bit.
function newImageLike(image, title, type) {
	selectImage(image);
	getDimensions(width, height, channels, slices, frames);
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	newImage(title, type + " black", width, height, 1, slices, frames);
	setVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
}

// Copy one plane of the active image; the copy becomes the active one.
function duplicatePlane(title, c, z, t) {
	// what Duplicate... calls a slice differs between stacks and hyperstacks
	if (nSlices > 1) Stack.setPosition(c, z, t);
	run("Duplicate...", "title=" + title);
}

// Copy one channel of the active image, in all planes, as a 32-bit image, which becomes the active
// one. Return the problem, or "".
function duplicateChannel(channel, name) {
	getDimensions(width, height, channels, slices, frames);
	if (channel > channels) return name + " has no channel " + channel + "; it has " + channels;
	Overlay.remove;
	run("Duplicate...", "title=starbridge-mask duplicate channels=" + channel);
	if (bitDepth() != 32) run("32-bit");
	return "";
}

// Return true if two images have the same width, height, slices and frames.
function isSameSize(a, b) {
	selectImage(a);
	getDimensions(widthA, heightA, channelsA, slicesA, framesA);
	selectImage(b);
	getDimensions(width, height, channels, slices, frames);
	if (width != widthA || height != heightA || slices != slicesA || frames != framesA) return false;
	return true;
}

// Return the names of the active image's channels from index 1: those given with commas, else those
// in its slice labels, else C1, C2, and so on. Index 0 holds the problem, or "".
function channelNames(wanted) {
	getDimensions(width, height, channels, slices, frames);
	names = newArray(channels + 1);
	names[0] = "";
	if (isGiven(wanted)) {
		parts = split(wanted, ",");
		if (parts.length != channels) {
			names[0] = "the image has " + channels + " channels, and " + parts.length + " names are given";
			return names;
		}
		for (c = 1; c <= channels; c++) names[c] = String.trim(parts[c - 1]);
		return names;
	}
	usable = true;
	for (c = 1; c <= channels; c++) {
		if (nSlices > 1) Stack.setPosition(c, 1, 1);
		text = "" + getInfo("slice.label");
		if (indexOf(text, "\n") >= 0) text = substring(text, 0, indexOf(text, "\n"));
		// Bio-Formats writes: c:1/4 z:1/9 - DAPI
		text = replace(text, "^([czt]:[0-9]+/[0-9]+ *)+(- )?", "");
		text = String.trim(text);
		if (text == "" || text == "null" || (channels == 1 && text == getTitle())
				|| matches(toLowerCase(text), ".*[.]tiff?")) usable = false;
		for (k = 1; k < c; k++) {
			if (names[k] == text) usable = false;
		}
		names[c] = text;
	}
	if (!usable) {
		for (c = 1; c <= channels; c++) names[c] = "C" + c;
	}
	return names;
}

// Return the micrometres of a unit of length; 0 for any other unit, such as pixel.
function micrometresPer(unit) {
	unit = toLowerCase(unit);
	if (unit == "um" || startsWith(unit, "micro") || unit == fromCharCode(181) + "m"
			|| unit == fromCharCode(956) + "m") return 1;
	if (unit == "nm" || startsWith(unit, "nanom")) return 0.001;
	if (unit == "mm" || startsWith(unit, "millim")) return 1000;
	if (unit == "cm" || startsWith(unit, "centim")) return 10000;
	return 0;
}
