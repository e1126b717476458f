// @java.io.Serializable (value="(default)", required=false, persist=false) image_file
// @java.io.Serializable (value="(default)", required=false, persist=false) roi_file
// @java.io.Serializable (value="(default)", required=false, persist=false) channel_list
// @java.io.Serializable (value="(default)", required=false, persist=false) table_folder
// (These lines tell Fiji the names of the settings; the settings are below.)
//
// measure_rois.ijm: measures every ROI in every channel, into a table for ilastik, R or Excel.
//
// Needs   an image (a file, or the active one) and its ROIs: a RoiSet.zip, else the overlay of the
//         active image, else the ROI Manager. ImageJ 1.53t or later; no plugin.
// Writes  NAME_table.csv, a row a ROI:
//           labelimage_oid   the label, as in lbl/NAME_labels.tif and in ilastik's table
//           name, class      of the ROI; slice and frame from 1
//           Area_um2, X_um, Y_um, Perimeter_um and the same in px (X, Y: centroid, from the corner
//             of the first pixel); the former are empty where the image has no pixel size
//           Circularity      4 pi Area / Perimeter^2
//           CHANNEL_Mean, _Min, _Max, _StdDev, _Median: grey values of the image
//           CHANNEL_IntDen_um2 (mean times area), CHANNEL_RawIntDen (sum of the pixels)
//
// Menu      Plugins > StarBridge > measure rois, after: starbridge fiji install
// Macro     run("measure rois", "image_file=a.tif roi_file=roi/a_rois.zip table_folder=tables");
// Python    with Fiji() as fiji:
//               fiji.run_macro("measure_rois.ijm",
//                              image_file="a.tif", roi_file="roi/a_rois.zip", table_folder="tables")
// Headless  fiji --headless --run measure_rois.ijm 'image_file="a.tif",roi_file="roi/a_rois.zip",table_folder="tables"'

var macroName = "measure_rois.ijm";
var settings_from, image_file, roi_file, channel_list, table_folder;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip; empty: overlay or ROI Manager)", "");
	channel_list = textSetting(channel_list, "Channel_list (with commas; empty: those in the image)", "");
	table_folder = folderSetting(table_folder, "Table_folder (for NAME_table.csv)", "");
}
if (!isGiven(table_folder)) stop("no folder for the table; choose one");
if (!isGiven(image_file) && countImages() == 0) stop("no image; open one or choose a file");
enterBatchMode(false);
name = inputName(image_file);
stopOn(openOrDuplicate(image_file));
if (bitDepth() == 24) run("Make Composite");
stopOn(gatherRois(roi_file));
getDimensions(width, height, channels, slices, frames);
labels = assignLabels(slices, frames);
table = joinPath(table_folder, name + "_table.csv");
stopOn(measureRois(table, labels, channel_list));
print("wrote " + table);
endMacro(activeAtStart);
return table;

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

// Read a RoiSet.zip into the overlay of the active image. Return the problem, or "".
function loadRois(path) {
	if (!File.exists(path)) return path + " does not exist; check the spelling and the disk";
	if (File.isDirectory(path) || !endsWith(toLowerCase(path), ".zip")) {
		return path + " is no RoiSet.zip; choose a zip that the ROI Manager or starbridge saved";
	}
	Overlay.remove;
	problem = "";
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.load", path);
	} else if (hasWindow()) {
		loadByManager(path);
	} else {
		lines = newArray(
			"overlay = new Packages.ij.gui.Overlay();",
			"buffer = Packages.java.lang.reflect.Array.newInstance(Packages.java.lang.Byte.TYPE, 65536);",
			"ending = Packages.java.util.regex.Pattern.compile('(?i)[.]roi$');",
			"zip = new Packages.java.util.zip.ZipFile(path);",
			"try {",
			"  entries = zip.entries();",
			"  while (entries.hasMoreElements()) {",
			"    entry = entries.nextElement();",
			"    name = entry.getName();",
			"    if (!ending.matcher(name).find()) continue;",
			"    stream = zip.getInputStream(entry);",
			"    bytes = new Packages.java.io.ByteArrayOutputStream();",
			"    while ((count = stream.read(buffer, 0, 65536)) > 0) bytes.write(buffer, 0, count);",
			"    roi = Packages.ij.io.RoiDecoder.openFromByteArray(bytes.toByteArray());",
			"    if (roi == null) throw new Packages.java.io.IOException(name + ' is no ROI');",
			"    name = name.substring(name.lastIndexOf('/') + 1);",
			"    roi.setName(ending.matcher(name).replaceAll(''));",
			"    overlay.add(roi);",
			"  }",
			"} finally {",
			"  zip.close();",
			"}",
			"image.setOverlay(overlay);");
		problem = runScript(String.join(lines, "\n"), path);
	}
	if (problem == "" && Overlay.size == 0) problem = "it holds no ROIs";
	if (problem == "") return "";
	return path + " cannot be read as a RoiSet.zip (" + problem + "); save the ROIs again";
}

// -- lib/roi_manager.ijm --

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

// Read a RoiSet.zip into the overlay of the active image through the ROI Manager.
function loadByManager(path) {
	kept = emptyManager();
	IJ.redirectErrorMessages();
	roiManager("open", path);
	if (roiManager("count") > 0) run("From ROI Manager");
	restoreManager(kept);
}

// -- lib/rois.ijm --

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

// Return a path that does not depend on the folder in which ImageJ was started; "" stays "".
function absolutePath(path) {
	if (path == "" || startsWith(path, "/") || startsWith(path, "\\\\")) return path;
	if (matches(path, "[A-Za-z]:.*")) return path;
	path = joinPath(call("java.lang.System.getProperty", "user.dir"), path);
	return path;
}
