// @java.io.Serializable (value="(default)", required=false, persist=false) model_file
// @java.io.Serializable (value="(default)", required=false, persist=false) image_file
// @java.io.Serializable (value="(default)", required=false, persist=false) image_folder
// @java.io.Serializable (value="(default)", required=false, persist=false) result_folder
// @java.io.Serializable (value="(default)", required=false, persist=false) input_channels
// @java.io.Serializable (value="(default)", required=false, persist=false) normalize_each
// @java.io.Serializable (value="(default)", required=false, persist=false) percentile_low
// @java.io.Serializable (value="(default)", required=false, persist=false) percentile_high
// @java.io.Serializable (value="(default)", required=false, persist=false) prob_threshold
// @java.io.Serializable (value="(default)", required=false, persist=false) nms_threshold
// @java.io.Serializable (value="(default)", required=false, persist=false) pixel_size
// @java.io.Serializable (value="(default)", required=false, persist=false) tiles
// @java.io.Serializable (value="(default)", required=false, persist=false) border_width
// @java.io.Serializable (value="(default)", required=false, persist=false) overwrite
// (These lines tell Fiji the names of the settings; the settings are below.)
//
// stardist_haug2.ijm: finds nuclei with Fiji's StarDist plugin and the model of the same name.
//
// The model's recipe is filled in below: channels, percentiles, thresholds, pixel size. For one image, all
// TIFFs of a folder, or the active image; stacks are done plane by plane, and labels count on through the
// planes. Each plane is normalised as in StarDist; an image of another known pixel size than the model's
// is scaled for the network, and its labels are brought back to the image's size. An image that fails
// does not stop the others and is named at the end.
//
// Needs   Fiji with the update sites CSBDeep, StarDist and TensorFlow, and the model as a zip:
//         starbridge export MODEL --to tf1.15
//         No more than 65,534 nuclei in a plane: the plugin counts no further. It reads no settings
//         from the zip.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv for each image; see
//         measure_rois.ijm for the columns. The outlines are those of the label image, pixel by pixel.
//         Of the active image only if a folder is given; its label image stays open.
//
// Menu      Plugins > StarBridge > stardist haug2, after: starbridge fiji install
// Macro     run("stardist haug2", "model_file=MODEL.zip image_folder=sections result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("stardist_haug2.ijm",
//                              model_file="MODEL.zip", image_folder="sections", result_folder="results")
// Headless  fiji --headless --run stardist_haug2.ijm 'model_file="MODEL.zip",image_folder="sections",result_folder="results"'

var macroName = "stardist_haug2.ijm";
var settings_from, model_file, image_file, image_folder, result_folder, input_channels;
var normalize_each, percentile_low, percentile_high, prob_threshold, nms_threshold, pixel_size;
var tiles, border_width, overwrite;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	model_file = fileSetting(model_file, "Model_file (.zip)", "");
	image_file = fileSetting(image_file, "Image_file", "");
	image_folder = folderSetting(image_folder, "Image_folder (both empty: the active image)", "");
	result_folder = folderSetting(result_folder, "Result_folder (for lbl, roi and tables)", "");
	input_channels = textSetting(input_channels, "Input_channels (from 1, or names; with commas)", "1");
	normalize_each = truthSetting(normalize_each, "Normalize_each (channel; no: all together)", true);
	percentile_low = numberSetting(percentile_low, "Percentile_low (becomes 0)", 0.2, 0, 100);
	percentile_high = numberSetting(percentile_high, "Percentile_high (becomes 1)", 99.8, 0, 100);
	prob_threshold = numberSetting(prob_threshold, "Prob_threshold (least probability)", 0.5104581312705648, 0, 1);
	nms_threshold = numberSetting(nms_threshold, "Nms_threshold (most overlap)", 0.3, 0, 1);
	pixel_size = numberSetting(pixel_size, "Pixel_size (um, of the model; 0: as the image)", 0, 0, 1/0);
	tiles = wholeSetting(tiles, "Tiles (more if memory is short)", 1, 1, 1/0);
	border_width = wholeSetting(border_width, "Border_width (px; nearer centres are left out)", 2, 0, 1/0);
	overwrite = truthSetting(overwrite, "Overwrite (results that are there)", false);
}
isActiveImage = false;
if (!isGiven(image_file) && !isGiven(image_folder)) isActiveImage = true;
if (isActiveImage && countImages() == 0) stop("no image; open one, or choose an image or a folder");
if (!isActiveImage && !isGiven(result_folder)) stop("no folder for the results; choose one");
stopOn(checkInput(image_file, image_folder));
model = findModel(model_file);
stopOn(checkModel(model));
if (percentile_low >= percentile_high) stop("the lower percentile is not below the upper one; give 0.2 and 99.8");
files = newArray("");
if (!isActiveImage) files = listImages(image_file, image_folder);
if (files.length == 0) stop(image_folder + " has no TIFF images; choose another folder");
if (!hasStarDist()) {
	stop("this ImageJ has no StarDist plugin; use Fiji with the update sites CSBDeep, StarDist and"
		+ " TensorFlow, or starbridge_segment.ijm, which needs neither");
}
recipe = inputRecipe(input_channels, normalize_each, percentile_low, percentile_high, pixel_size);
settings = starDistSettings(model, prob_threshold, nms_threshold, tiles, border_width);
failures = "";
failed = 0;
for (f = 0; f < files.length; f++) {
	if (!isActiveImage) print("image " + (f + 1) + " of " + files.length + ": " + files[f]);
	problem = segmentImage(files[f], recipe, settings, result_folder, overwrite);
	if (problem != "") {
		failed++;
		print("FAILED: " + problem);
		failures = failures + "; " + problem;
	}
	labelImage = 0;
	if (isActiveImage && problem == "") labelImage = getImageID();
	closeOwnImages();
	// the plugin's label image can be selected only outside batch mode
	if (!inBatchMode) setBatchMode("exit and display");
}
if (failed > 0 && isActiveImage) stop(problem);
if (failed > 0) stop("" + failed + " of " + files.length + " images failed" + failures);
restoreSettings();
if (labelImage != 0) selectImage(labelImage);
return "" + files.length;

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

// Check that not both an image and a folder are given, and that what is given exists. Return the
// problem, or "".
function checkInput(image, folder) {
	if (isGiven(image) && isGiven(folder)) return "an image and a folder are given; choose one of them";
	if (isGiven(image)) {
		if (!File.exists(image)) return image + " does not exist; check the spelling and the disk";
	}
	if (isGiven(folder)) {
		if (!File.isDirectory(folder)) return folder + " is no folder; check the spelling and the disk";
	}
	return "";
}

// Return the paths of the TIFF images to process: the given image, else those of a folder by name.
function listImages(image, folder) {
	if (isGiven(image)) return newArray("" + image);
	files = getFileList(folder);
	files = Array.sort(files);
	paths = newArray(0);
	for (i = 0; i < files.length; i++) {
		file = files[i];
		lower = toLowerCase(file);
		if (matches(lower, ".*[.](tif|tiff|btf)") && !startsWith(file, ".")) {
			file = joinPath(folder, file);
			paths = Array.concat(paths, file);
		}
	}
	return paths;
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

// -- lib/stardist.ijm --

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

// -- lib/stardist_input.ijm --

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

// -- lib/stardist_plugin.ijm --

// Run StarDist on the image of a title; its label image becomes the active one. Settings are those of
// starDistSettings(). Return the problem, or "".
function runStarDist(title, settings) {
	selectImage(title);
	result = "";
	trace = "";
	if (hasGroovy()) {
		setValue("settings", settings);
		start = settingsScript();
		script = modelScript();
		result = runGroovy(start + script);
		if (result == "done") {
			script = pluginScript();
			result = runGroovy(start + script);
		}
		done = takeValue("settings");
		trace = takeValue("trace");
	}
	if (result == "done") return "";
	if (result != "") {
		problem = explainStarDist(result, trace);
		return problem;
	}
	if (!hasWindow()) {
		return "StarDist needs a Groovy that runs in Java " + getInfo("java.version") + ", and this Fiji has"
			+ " none; start Fiji with its own Java, or update Fiji, or run the macro by starbridge";
	}
	// with a window the plugin shows its label image, but keeps its reasons to itself
	run("Command From Macro", "command=[de.csbdresden.stardist.StarDist2D],args=['input':"
		+ quoteArgument(title) + "," + settings + "],process=[false]");
	if (!isOpen("Label Image")) return "StarDist gave no label image; the Console has its messages";
	selectImage("Label Image");
	return "";
}

// Return the beginning of a Groovy script that reads the value "settings" into a map.
function settingsScript() {
	lines = newArray(
		"def settings = [:]",
		"def unquote = { all, code -> String.valueOf((char) Integer.parseInt(code, 16)) }",
		"(value('settings') =~ /'(\\w+)':'([^']*)'/).each { all, key, text ->",
		"  settings[key] = text.replaceAll('[\\\\x5c]u([0-9a-fA-F]{4})', unquote)",
		"}",
		"");
	return String.join(lines, "\n");
}

// Return a Groovy script that unpacks the model once for a check: the plugin would unpack a damaged
// zip in part, and take the part for the whole later. It returns "done", or "problem: " and what.
function modelScript() {
	lines = newArray(
		"def model = new File(settings.modelFile)",
		"def state = model.path + ' ' + model.lastModified()",
		"if (value('model') == state) return 'done'",
		"def zip = null",
		"try {",
		"  zip = new java.util.zip.ZipFile(model)",
		"  if (zip.getEntry('saved_model.pb') == null) return 'problem: it has no saved_model.pb'",
		"  zip.entries().each { entry -> if (!entry.directory) zip.getInputStream(entry).bytes }",
		"} catch (IOException error) {",
		"  return 'problem: it cannot be unzipped: ' + error.message",
		"} finally {",
		"  if (zip != null) zip.close()",
		"}",
		"System.setProperty('starbridge.value.model', state)",
		"return 'done'");
	return String.join(lines, "\n");
}

// Return a Groovy script that runs the plugin on the active image and shows its label image. It
// returns "done", or "problem: " and the first error of the plugin, and leaves what the plugin printed
// as the value "trace".
function pluginScript() {
	lines = newArray(
		"def image = ij.IJ.getImage()",
		"def context = ij.IJ.runPlugIn('org.scijava.Context', '')",
		"def datasets = context.service('net.imagej.DatasetService')",
		"def before = datasets.datasets as Set, label = null, thrown = null",
		// errors of the network are only printed, by whichever thread meets them
		"def errors = new ByteArrayOutputStream(), usual = System.err",
		"System.setErr(new PrintStream(errors, true, 'UTF-8'))",
		"try {",
		"  def tensorflow = context.service('net.imagej.tensorflow.TensorFlowService')",
		"  tensorflow.loadLibrary()",
		// the plugin would open a dialog
		"  if (!tensorflow.status.loaded) {",
		"    def jar = tensorflow.class.protectionDomain.codeSource.location.path.tokenize('/').last()",
		"    def reason = errors.toString('UTF-8').readLines().find { it.contains('Could not load') }",
		"    reason = (reason ?: '').replaceFirst('^.WARNING. ', '').replaceFirst('[.] See http.*', ';')",
		"    reason = reason + ' ' + tensorflow.status.info",
		"    def java = System.getProperty('java.version')",
		"    throw new IllegalStateException(reason.trim() + ' (' + jar + ', Java ' + java + ')')",
		"  }",
		"  def plane = net.imglib2.img.display.imagej.ImageJFunctions.wrap(image)",
		"  def axes = [net.imagej.axis.Axes.X, net.imagej.axis.Axes.Y]",
		"  if (image.getNChannels() > 1) axes << net.imagej.axis.Axes.CHANNEL",
		"  if (image.getNSlices() > 1) axes << net.imagej.axis.Axes.Z",
		"  if (image.getNFrames() > 1) axes << net.imagej.axis.Axes.TIME",
		"  axes = axes as net.imagej.axis.AxisType[]",
		"  settings.input = datasets.create(new net.imagej.ImgPlus(plane, image.title, axes))",
		"  def commands = context.service('org.scijava.command.CommandService')",
		"  def run = commands.run('de.csbdresden.stardist.StarDist2D', false, settings)",
		"  label = run.get().getOutput('label')",
		"} catch (Throwable error) {",
		"  thrown = error",
		"} finally {",
		"  System.setErr(usual)",
		"}",
		"def converter = context.service('org.scijava.convert.ConvertService')",
		"def labels = label == null ? null : converter.convert(label, ij.ImagePlus)",
		// else the datasets of every plane would stay in memory
		"def objects = context.service('org.scijava.object.ObjectService')",
		"(datasets.datasets - before).each { objects.removeObject(it) }",
		"if (labels != null) {",
		"  labels.title = 'starbridge-found'",
		"  labels.show()",
		"  return 'done'",
		"}",
		"def roots = [], said = []",
		"def printed = errors.toString('UTF-8')",
		"System.setProperty('starbridge.value.trace', printed)",
		"printed.eachLine { line ->",
		"  def start = line =~ /^(Caused by: )?(?:Exception in thread .*? )?((?:\\w+[.])+\\w*(?:Exception|Error)\\b.*)/",
		"  if (start.find() && start.group(1) && roots) roots[-1] = start.group(2)",
		"  else if (start.find(0)) roots << start.group(2)",
		"  else if (line =~ /^.(WARNING|ERROR). /) said << line.substring(line.indexOf(' ') + 1)",
		"}",
		"if (thrown != null) {",
		"  while (thrown.cause != null) thrown = thrown.cause",
		"  roots << (thrown instanceof IllegalStateException ? thrown.message : thrown.toString())",
		"}",
		// a NullPointerException comes of what was lacking before
		"def telling = roots.find { !it.contains('NullPointerException') }",
		"telling = telling ?: (said ? said[0] : null) ?: (roots ? roots[0] : null)",
		"return 'problem: ' + (telling ?: 'it gave no label image, and no reason')");
	return String.join(lines, "\n");
}

// Return what a failure of the plugin means and what to do, in one line. Unknown ones stay as they
// are, and their trace goes to the log.
function explainStarDist(result, trace) {
	reason = replace(substring(result, 9), "[\\r\\n]+", " ");
	causes = starDistCauses();
	for (i = 0; i < causes.length; i += 2) {
		if (matches(reason + " " + replace(trace, "[\\r\\n]+", " "), ".*(" + causes[i] + ").*")) {
			return "StarDist failed: " + causes[i + 1] + " (" + reason + ")";
		}
	}
	if (trace != "") print(trace);
	return "StarDist failed: " + reason;
}

// Return the known causes of failures in pairs: a pattern of what the plugin prints, and what that
// means and what to do.
function starDistCauses() {
	causes = newArray(
		"it cannot be unzipped|it has no saved_model\\.pb|Can't parse .*saved_model\\.pb",
		"the model is no zip for Fiji, or it is damaged; write it anew: starbridge export "
			+ "MODEL --to tf1.15",
		"cannot be cast to class "
			+ "java\\.net\\.URLClassLoader|imagej-tensorflow-1\\.(0|1\\.[0-8])[.\\d]*jar, Java (?!1\\.)",
		"imagej-tensorflow 1.1.8 and earlier load TensorFlow in Java 8 only; bring "
			+ "imagej-tensorflow 1.1.9 by Help > Update..., or choose TensorFlow 1.15.0 CPU in "
			+ "Edit > Options > TensorFlow...",
		"TensorFlow (JAR|native library) crashed.*imagej-tensorflow-1\\.(0|1\\.[0-6])[.\\d]*jar",
		"Fiji closed while loading TensorFlow and will not try again; delete the file "
			+ ".crashed in Fiji's folder lib, then choose TensorFlow 1.15.0 CPU in Edit > Options "
			+ "> TensorFlow...",
		"OS: darwin, architecture: (aarch64|arm64)|need 'arm64",
		"TensorFlow 1 exists for Intel and AMD processors only; run the model in QuPath, or "
			+ "with starbridge segment",
		"makeExtensionsImmutable|com[./]google[./]protobuf",
		"Fiji's protobuf-java does not fit TensorFlow 1, which needs version 3; leave only a "
			+ "protobuf-java-3 in Fiji's folder jars: Help > Update... > Manage update sites, tick "
			+ "TensorFlow, close, Apply changes, restart",
		"Could not find SavedModel|Could not find meta graph",
		"Fiji unpacked this model in part before; delete the folders in Fiji's folder models",
		"Op type not registered|NodeDef mentions attr|is GraphDef version",
		"the model is for a newer TensorFlow than Fiji's; write it for this one: starbridge "
			+ "export MODEL --to tf1.12",
		"Input axis of type Channel should have size",
		"the model takes another number of channels; choose the channels that it was trained "
			+ "on, in their order",
		"OutOfMemoryError|OOM when allocating",
		"Java ran out of memory; give more tiles, or Fiji more memory in Edit > Options > "
			+ "Memory & Threads...",
		"Cannot find TensorFlow native library|no tensorflow_jni|Could not load .*TF "
			+ "library|Could not find any TensorFlow|UnsatisfiedLinkError|TensorFlow .*crashed",
		"Fiji has no TensorFlow library that loads on this computer; choose another "
			+ "TensorFlow in Edit > Options > TensorFlow..., best 1.15.0 CPU");
	return causes;
}
