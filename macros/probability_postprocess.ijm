// @java.io.Serializable (value="(default)", required=false, persist=false) map_file
// @java.io.Serializable (value="(default)", required=false, persist=false) map_channel
// @java.io.Serializable (value="(default)", required=false, persist=false) cutoff
// @java.io.Serializable (value="(default)", required=false, persist=false) image_file
// @java.io.Serializable (value="(default)", required=false, persist=false) result_name
// @java.io.Serializable (value="(default)", required=false, persist=false) result_folder
// @java.io.Serializable (value="(default)", required=false, persist=false) fill_holes
// @java.io.Serializable (value="(default)", required=false, persist=false) cut_apart
// @java.io.Serializable (value="(default)", required=false, persist=false) smallest
// @java.io.Serializable (value="(default)", required=false, persist=false) greatest
// @java.io.Serializable (value="(default)", required=false, persist=false) drop_border
// @java.io.Serializable (value="(default)", required=false, persist=false) show_labels
// (These lines tell Fiji the names of the settings; the settings are below.)
//
// probability_postprocess.ijm: makes objects of a probability map (ilastik, StarDist, any other).
//
// Threshold, fill holes, watershed, Analyze Particles, as one does it by hand in ImageJ, and plane by
// plane in a stack. Touching objects are cut where they are narrow, which is often wrong: compare with
// stardist_haug2.ijm.
//
// Needs   a probability map: 32-bit from 0 to 1, 8-bit from 0 to 255, or 16-bit from 0 to 65,535; a
//         file, or the active image. If you like, the raw image, to be measured in its place.
//         ImageJ 1.53t or later; no plugin.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv into a folder; see
//         measure_rois.ijm for the columns. The ROIs go to the ROI Manager, too, or become the label
//         image's overlay where there is no window.
//
// Menu      Plugins > StarBridge > probability postprocess, after: starbridge fiji install
// Macro     run("probability postprocess", "map_file=a_Probabilities.tif image_file=a.tif result_name=a result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("probability_postprocess.ijm",
//                              map_file="a_Probabilities.tif", image_file="a.tif", result_name="a", result_folder="results")
// Headless  fiji --headless --run probability_postprocess.ijm 'map_file="a_Probabilities.tif",result_folder="results"'

var macroName = "probability_postprocess.ijm";
var settings_from, map_file, map_channel, cutoff, image_file, result_name, result_folder;
var fill_holes, cut_apart, smallest, greatest, drop_border, show_labels;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	map_file = fileSetting(map_file, "Map_file (probabilities; empty: the active image)", "");
	map_channel = wholeSetting(map_channel, "Map_channel (from 1)", 1, 1, 1/0);
	cutoff = numberSetting(cutoff, "Cutoff (least probability of an object)", 0.5, 0, 1);
	image_file = fileSetting(image_file, "Image_file (to measure; empty: the probability map)", "");
	result_name = textSetting(result_name, "Result_name (empty: the image's)", "");
	result_folder = folderSetting(result_folder, "Result_folder (for lbl, roi and tables)", "");
	fill_holes = truthSetting(fill_holes, "Fill_holes", true);
	cut_apart = truthSetting(cut_apart, "Cut_apart (touching objects, by watershed)", true);
	smallest = numberSetting(smallest, "Smallest (object in px)", 30, 0, 1/0);
	greatest = numberSetting(greatest, "Greatest (object in px; 0: any)", 0, 0, 1/0);
	drop_border = truthSetting(drop_border, "Drop_border (leave out objects that touch it)", false);
	show_labels = truthSetting(show_labels, "Show_labels", true);
}
if (!isGiven(result_folder)) stop("no folder for the results; choose one");
if (!isGiven(map_file) && countImages() == 0) stop("no probability map; open one or choose a file");
enterBatchMode(show_labels);
name = inputName(map_file);
stopOn(openOrDuplicate(map_file));
map = getImageID();
measured = map;
if (isGiven(image_file)) {
	stopOn(openImage(image_file));
	measured = getImageID();
	name = inputName(image_file);
	if (!isSameSize(measured, map)) {
		stop(image_file + " has another size than the probability map; choose the image it was made of");
	}
}
if (isGiven(result_name)) name = "" + result_name;
selectImage(map);
if (bitDepth() == 24) stop(name + " is a colour image; a probability map has one number a pixel");
full = 1;
if (bitDepth() == 8) full = 255;
if (bitDepth() == 16) full = 65535;
stopOn(duplicateChannel(map_channel, name));
if (full == 1) stopOn(checkProbabilities(name));
thresholdMask(cutoff * full);
labelMask(fill_holes, cut_apart, smallest, greatest, drop_border);
labelImage = getImageID();
stopOn(writeResults(measured, name, result_folder));
selectImage(labelImage);
count = Overlay.size;
showLabelImage(labelImage, name, show_labels);
if (!show_labels) labelImage = activeAtStart;
endMacro(labelImage);
return "" + count;

// ---- Library of starbridge: built from macros/lib, nothing to set below -------------------------

// -- lib/files.ijm --

// Return the path of a file in a folder, whose path may end with a separator.
function joinPath(folder, name) {
	if (endsWith(folder, "/") || endsWith(folder, File.separator)) return folder + name;
	return folder + File.separator + name;
}

// Return the path of a file's folder.
function parentFolder(path) {
	folder = File.getParent(path);
	if (!isGiven(folder)) folder = ".";
	return folder;
}

// Return an image file's name without the ending of its format.
function baseName(path) {
	name = File.getName(path);
	endings = newArray(".ome.tiff", ".ome.tif", ".ome.btf", ".tiff", ".tif", ".btf");
	for (i = 0; i < endings.length; i++) {
		rest = lengthOf(name) - lengthOf(endings[i]);
		if (rest > 0 && endsWith(toLowerCase(name), endings[i])) return substring(name, 0, rest);
	}
	return name;
}

// Return the path of a result: FOLDER/KIND/NAME and an ending, as in lbl/NAME_labels.tif.
function resultPath(folder, kind, name, ending) {
	path = joinPath(joinPath(folder, kind), name + ending);
	return path;
}

// Make a folder and the one above it. Return the problem, or "".
function makeFolder(folder) {
	if (File.isDirectory(folder)) return "";
	above = parentFolder(folder);
	if (!File.isDirectory(above)) File.makeDirectory(above);
	File.makeDirectory(folder);
	if (File.isDirectory(folder)) return "";
	return folder + " is no folder and cannot be made; choose another one";
}

// Return the path under which a file is written before publishFile() gives it its name. It keeps
// the ending, from which ImageJ takes the format.
function partPath(path) {
	dot = lastIndexOf(path, ".");
	return substring(path, 0, dot) + ".part" + substring(path, dot);
}

// Give a completely written file its name; until then no file of that name is incomplete. Return the
// problem, or "".
function publishFile(part, path) {
	if (!File.exists(part)) return path + " could not be written; check the folder and the free space";
	// Windows cannot rename onto another file
	if (File.exists(path)) done = File.delete(path);
	done = File.rename(part, path);
	if (!File.exists(path) || File.exists(part)) {
		return path + " could not be replaced; close the program that has it open";
	}
	return "";
}

// Return an unused path in the folder for temporary files.
function temporaryPath(ending) {
	path = joinPath(getDirectory("temp"), "starbridge-" + call("java.util.UUID.randomUUID") + ending);
	return path;
}

// -- lib/images.ijm --

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

// -- lib/labels.ijm --

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

// -- lib/measuring.ijm --

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

// -- lib/roi_files.ijm --

// Save the overlay of the active image as a RoiSet.zip. Return the problem, or "".
function saveRois(path) {
	problem = makeFolder(parentFolder(path));
	if (problem != "") return problem;
	part = partPath(path);
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.save", part);
	} else if (hasWindow()) {
		problem = saveByManager(part);
	} else {
		lines = newArray(
			"overlay = image.getOverlay();",
			"used = new Packages.java.util.HashSet();",
			"count = overlay == null ? 0 : overlay.size();",
			"unsafe = Packages.java.util.regex.Pattern.compile('[\\\\x00-\\\\x1f<>:\\\\x22/\\\\x5c|?*]');",
			"ending = Packages.java.util.regex.Pattern.compile('(?i)[.]roi$');",
			"zip = new Packages.java.util.zip.ZipOutputStream(new Packages.java.io.BufferedOutputStream(",
			"  new Packages.java.io.FileOutputStream(path)));",
			"try {",
			"  zip.setLevel(1);",
			"  for (i = 0; i < count; i++) {",
			"    roi = overlay.get(i);",
			"    name = roi.getName() == null ? 'ROI ' + (i + 1) : roi.getName();",
			"    name = ending.matcher(unsafe.matcher(name).replaceAll('_')).replaceAll('');",
			"    unique = name;",
			"    again = 1;",
			"    while (!used.add(unique.toLowerCase())) {",
			"      again++;",
			"      unique = name + '-' + again;",
			"    }",
			"    zip.putNextEntry(new Packages.java.util.zip.ZipEntry(unique + '.roi'));",
			"    bytes = Packages.ij.io.RoiEncoder.saveAsByteArray(roi);",
			"    zip.write(bytes, 0, bytes.length);",
			"    zip.closeEntry();",
			"  }",
			"} finally {",
			"  zip.close();",
			"}");
		problem = runScript(String.join(lines, "\n"), part);
	}
	if (problem != "") return path + " could not be written (" + problem + ")";
	problem = publishFile(part, path);
	return problem;
}

// -- lib/roi_manager.ijm --

// Add the overlay of the active image to the ROI Manager.
function addToManager() {
	setKeyDown("none");
	turnOffShowAll();
	count = Overlay.size;
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		roiManager("Add");
	}
	run("Select None");
}

// End "Show All" of the ROI Manager, which in batch mode would put its list into the overlay.
function turnOffShowAll() {
	count = Overlay.size;
	if (count > 0) Overlay.copy;
	roiManager("show none");
	if (count > 0) Overlay.paste;
	else Overlay.remove;
}

// Empty the ROI Manager. Return the file that keeps what it held, for restoreManager(), or "".
function emptyManager() {
	if (!is("Batch Mode")) run("ROI Manager...");
	turnOffShowAll();
	if (roiManager("count") == 0) return "";
	kept = temporaryPath(".zip");
	roiManager("deselect");
	roiManager("save", kept);
	roiManager("reset");
	return kept;
}

// Put back into the ROI Manager what emptyManager() took out.
function restoreManager(kept) {
	roiManager("reset");
	if (kept == "") return;
	roiManager("open", kept);
	done = File.delete(kept);
}

// Save the overlay of the active image as a RoiSet.zip through the ROI Manager. Return the problem,
// or "".
function saveByManager(path) {
	if (Overlay.size == 0) return "there are no ROIs to save";
	kept = emptyManager();
	addToManager();
	roiManager("deselect");
	roiManager("save", path);
	restoreManager(kept);
	return "";
}

// -- lib/rois.ijm --

// Put the overlay of an image on another one, which becomes the active one.
function copyOverlay(from, onto) {
	selectImage(from);
	if (Overlay.size == 0) return;
	Overlay.copy;
	selectImage(onto);
	Overlay.paste;
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

// -- lib/scripts.ijm --

// Return true if Groovy is there: in every Fiji, not in a plain ImageJ.
function hasGroovy() {
	// the class path first: where a class is not found, ImageJ reports an error
	found = "" + call("java.lang.ClassLoader.getSystemResource", "groovy/util/Eval.class");
	if (indexOf(found, "groovy/util") >= 0) return true;
	found = "" + call("java.lang.Class.forName", "groovy.util.Eval");
	if (startsWith(found, "class ")) return true;
	return false;
}

// Run a Groovy script, which returns a text. Return that text; "problem: " and the error where the
// script throws one; "" where Groovy itself does not run in this Java. Values reach a script by
// setValue() and `value`, never as parts of its text.
function runGroovy(code) {
	IJ.redirectErrorMessages();
	result = "" + call("groovy.util.Eval.me",
		"def value = { key -> System.getProperty('starbridge.value.' + key, '') }\n"
		+ "try {\n" + code + "\n} catch (Throwable error) {\n"
		+ "  while (error.cause != null) error = error.cause\n"
		+ "  return 'problem: ' + error\n}\n");
	if (result == "null") return "";
	return result;
}

// Hand a text to the next script by a name.
function setValue(name, value) {
	done = call("java.lang.System.setProperty", "starbridge.value." + name, value);
}

// Return a text that a script left by a name, or "".
function takeValue(name) {
	value = call("java.lang.System.getProperty", "starbridge.value." + name, "");
	done = call("java.lang.System.clearProperty", "starbridge.value." + name);
	return value;
}

// Run code in which `image` is the active image and `path` a path, in Groovy or else in JavaScript:
// code that means the same in both, with Java's classes below `Packages`. Return the problem, or "".
function runScript(code, path) {
	result = "";
	if (hasGroovy()) {
		setValue("path", path);
		result = runGroovy("image = ij.IJ.getImage()\npath = value('path')\n"
			+ replace(code, "Packages\\.", "") + "\nreturn 'done'");
		done = takeValue("path");
	}
	if (result == "") {
		// URL encoding leaves percent signs and letters of the path: nothing in it can end the string
		path = call("java.net.URLEncoder.encode", path, "UTF-8");
		IJ.redirectErrorMessages();
		result = "" + eval("script", "(function () { try { image = Packages.ij.IJ.getImage();"
			+ "path = decodeURIComponent('" + path + "'.replace(/\\+/g, ' '));"
			+ code + "\nreturn 'done'; } catch (error) { return 'problem: ' + error; } })()");
	}
	if (result == "done") return "";
	if (startsWith(result, "problem: ")) return substring(result, 9);
	return "this ImageJ has no window, and neither Groovy nor JavaScript that runs in its Java; start it"
		+ " with its window or another Java, or run the macro by starbridge";
}

// -- lib/segmenting.ijm --

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

// -- lib/session.ijm --

// Return true if an optional parameter was filled in; Fiji leaves an empty one at 0.
function isGiven(value) {
	value = "" + value;
	if (value == "" || value == "0" || value == "null") return false;
	return true;
}

// Return true if ImageJ has windows, and with them a ROI Manager.
function hasWindow() {
	if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") return false;
	return true;
}

// Return how many images are open. nImages is 1 where none is open if Fiji remembers a closed one.
function countImages() {
	titles = getList("image.titles");
	return titles.length;
}

// Check ImageJ's version; record its settings and the open images, to return to them at the end.
function startMacro() {
	requires("1.53t");
	saveSettings();
	inBatchMode = is("Batch Mode");
	if (countImages() > 0) activeAtStart = getImageID();
	ids = newArray(countImages());
	isOpenAtStart = false;
	for (i = 0; i < ids.length; i++) {
		selectImage(i + 1);
		ids[i] = getImageID();
		if (ids[i] == activeAtStart) isOpenAtStart = true;
	}
	if (!isOpenAtStart && ids.length > 0) activeAtStart = ids[ids.length - 1];
	if (activeAtStart != 0) selectImage(activeAtStart);
	openAtStart = ids;
}

// Enter batch mode. A ROI Manager that is to show ROIs is opened before, as batch mode opens none.
function enterBatchMode(withManager) {
	if (withManager && hasWindow() && !inBatchMode) run("ROI Manager...");
	setBatchMode(true);
}

// Close the macro's own images, restore the settings, leave batch mode, and make an image the active
// one (an ID; 0: none).
function endMacro(image) {
	closeOwnImages();
	if (image != 0) selectImage(image);
	restoreSettings();
	if (!inBatchMode) setBatchMode("exit and display");
}

// End the macro with its name and a message, after closing its own images. A macro that ran this one
// goes on as if nothing had happened: only by the property can starbridge tell.
function stop(message) {
	closeOwnImages();
	restoreSettings();
	call("java.lang.System.setProperty", "starbridge.macro.failed", macroName + ": " + message);
	exit(macroName + ": " + message);
}

// End the macro if a function returned a problem; "" is none.
function stopOn(problem) {
	if (problem != "") stop(problem);
}

// Close the images that the macro opened, without a question.
function closeOwnImages() {
	for (i = countImages(); i >= 1; i--) {
		selectImage(i);
		isOwn = true;
		for (k = 0; k < openAtStart.length; k++) {
			if (openAtStart[k] == getImageID()) isOwn = false;
		}
		if (isOwn) close();
	}
}

// Leave an image that the macro opened to the user.
function keepImage(image) {
	openAtStart = Array.concat(openAtStart, image);
}

// -- lib/settings.ijm --

// Begin the next of the two passes through a macro's settings. Return false after the last.
function nextPass() {
	settingsPass++;
	if (settingsPass == 1) {
		readKeys(handedText());
		if (hasWindow() && "" + settings_from != "starbridge") {
			Dialog.create(replace(replace(macroName, "_", " "), ".ijm", ""));
			hasDialog = true;
		}
		return true;
	}
	if (settingsPass == 2) {
		checkKeys();
		if (areSettingsFilled && zeroSettings > 0) areSettingsGiven = true;
		if (hasDialog && !areSettingsGiven) {
			Dialog.show();
			isAsked = true;
		}
		return true;
	}
	return false;
}

// Return a file's path: absolute, or "" for none. The first word of a label is the name of the setting,
// by which run(), runMacro() and the recorder know it; a dialog shows its underscores as spaces.
function fileSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addFile(label, preset);
		return value;
	}
	path = preset;
	if (isAsked) path = Dialog.getString();
	else if (isSettingFound) path = settingText;
	path = absolutePath(path);
	return path;
}

// Return a folder's path, as fileSetting().
function folderSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addDirectory(label, preset);
		return value;
	}
	path = preset;
	if (isAsked) path = Dialog.getString();
	else if (isSettingFound) path = settingText;
	// a dialog ends folders with a separator; the root of a disk keeps it
	if (matches(path, ".*[^:/\\\\][/\\\\]")) path = substring(path, 0, lengthOf(path) - 1);
	path = absolutePath(path);
	return path;
}

// Return a text.
function textSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addString(label, preset, 25);
		return value;
	}
	text = preset;
	if (isAsked) text = Dialog.getString();
	else if (isSettingFound) text = settingText;
	return text;
}

// Return true or false. The dialog has no checkbox, because the recorder keeps only ticked ones.
function truthSetting(value, label, preset) {
	word = "no";
	if (preset) word = "yes";
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addChoice(label, newArray("no", "yes"), word);
		return value;
	}
	if (isAsked) word = Dialog.getChoice();
	else if (isSettingFound) word = toLowerCase(settingText);
	if (word == "yes" || word == "true" || word == "1") return true;
	if (word == "no" || word == "false" || word == "0") return false;
	stop("" + settingName(label) + " is " + word + "; give yes or no");
}

// Return a number between two others, which it may be.
function numberSetting(value, label, preset, lowest, highest) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addNumber(label, preset, decimalsOf(preset), 10, "");
		return value;
	}
	number = preset;
	shown = "" + preset;
	if (isAsked) {
		number = Dialog.getNumber();
		shown = "" + number;
	} else if (isSettingFound) {
		number = parseFloat(settingText);
		shown = settingText;
	}
	// a comparison with NaN is false
	if (number >= lowest && number <= highest) return number;
	if (highest < 1/0) stop("" + settingName(label) + " is " + shown + "; give a number from " + lowest + " to " + highest);
	stop("" + settingName(label) + " is " + shown + "; give a number of at least " + lowest);
}

// Return a whole number, as numberSetting().
function wholeSetting(value, label, preset, lowest, highest) {
	number = numberSetting(value, label, preset, lowest, highest);
	if (settingsPass == 1) return number;
	if (number == floor(number)) return number;
	stop("" + settingName(label) + " is " + number + "; give a whole number");
}

// Look up what was handed over for a setting, as text.
function findSetting(value, label) {
	name = settingName(label);
	isSettingFound = false;
	text = exactText(value);
	if (settingsPass == 1) {
		settingNames = Array.concat(settingNames, name);
		if (text == "0") zeroSettings++;
		else areSettingsFilled = true;
		if (text != "0" && text != "(default)") areSettingsGiven = true;
	}
	plain = plainName(name);
	for (k = 0; k < settingKeys.length; k++) {
		if (settingKeys[k] == plain) {
			isSettingFound = true;
			settingText = settingTexts[k];
		}
	}
	if (isSettingFound) areSettingsGiven = true;
	// Fiji fills in the variables that are listed at the top of the macro
	if (!isSettingFound && areSettingsFilled && text != "(default)") {
		isSettingFound = true;
		settingText = text;
	}
}

// Return the name of a setting by its label.
function settingName(label) {
	words = split(label, " ");
	name = toLowerCase(words[0]);
	return name;
}

// Return a setting's name as it is compared: labelFile is label_file, too.
function plainName(name) {
	name = replace(toLowerCase(name), "_", "");
	return name;
}

// Return a text as it is, a number with all its digits: ImageJ rounds only a variable's value.
function exactText(value) {
	return "" + sameValue(value);
}

// Return a value unchanged.
function sameValue(value) {
	return value;
}

// Return the settings that were handed over as text: key=value key=[a value]. runMacro() and the
// command line hand over an argument, run() options.
function handedText() {
	if ("" + settings_from == "starbridge") return "";
	text = getArgument();
	if (text == "") text = "" + call("ij.Macro.getOptions");
	if (text == "null") text = "";
	return text;
}

// Read a text of settings: key=value, key=[a value], key='a value', or a key alone for yes.
function readKeys(text) {
	text = text + " ";
	i = 0;
	while (i < lengthOf(text)) {
		end = indexOf(text, " ", i);
		mark = indexOf(text, "=", i);
		if (end == i) {
			i++;
		} else if (mark < 0 || mark > end) {
			addKey(substring(text, i, end), "yes");
			i = end;
		} else {
			key = substring(text, i, mark);
			i = mark + 1;
			end = valueEnd(text, i);
			isQuoted = charCodeAt(text, i) == 91 || charCodeAt(text, i) == 39;
			if (isQuoted) addKey(key, substring(text, i + 1, end));
			else addKey(key, substring(text, i, end));
			i = end + 1;
		}
	}
}

// Return the index of the character that ends a value which begins at an index of a text.
function valueEnd(text, start) {
	first = charCodeAt(text, start);
	end = -1;
	if (first == 39) end = indexOf(text, "'", start + 1);
	else if (first != 91) end = indexOf(text, " ", start);
	else {
		depth = 0;
		for (i = start; i < lengthOf(text) && end < 0; i++) {
			code = charCodeAt(text, i);
			if (code == 91) depth++;
			if (code == 93) depth--;
			if (depth == 0) end = i;
		}
	}
	if (end < 0) stop(substring(text, start) + " does not end; close it with a bracket or a quote");
	return end;
}

// Note a setting that was handed over as text, unless it was before: Fiji's recorder adds settings to
// those of the dialog, as it handed them over.
function addKey(key, text) {
	if (text == "(default)") return;
	plain = plainName(key);
	for (k = 0; k < settingKeys.length; k++) {
		if (settingKeys[k] == plain) return;
	}
	settingKeys = Array.concat(settingKeys, plain);
	settingWords = Array.concat(settingWords, key);
	settingTexts = Array.concat(settingTexts, text);
}

// End the macro if a setting was handed over that it does not have.
function checkKeys() {
	for (k = 0; k < settingKeys.length; k++) {
		isKnown = false;
		for (i = 0; i < settingNames.length; i++) {
			plain = plainName(settingNames[i]);
			if (settingKeys[k] == plain) isKnown = true;
		}
		if (!isKnown) {
			stop("there is no setting " + settingWords[k] + "; there are " + String.join(settingNames, ", "));
		}
	}
}

// Return how many decimals a dialog needs to show a number, nine at most.
function decimalsOf(number) {
	for (decimals = 0; decimals < 9; decimals++) {
		if (parseFloat(d2s(number, decimals)) == number) return decimals;
	}
	return 9;
}

// Return a path that does not depend on the folder in which ImageJ was started; "" stays "".
function absolutePath(path) {
	if (path == "" || startsWith(path, "/") || startsWith(path, "\\\\")) return path;
	if (matches(path, "[A-Za-z]:.*")) return path;
	path = joinPath(call("java.lang.System.getProperty", "user.dir"), path);
	return path;
}
