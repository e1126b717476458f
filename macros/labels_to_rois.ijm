// labels_to_rois.ijm: makes a ROI of every object of a label image.
//
// The outlines run exactly along the edges of the pixels, so that a ROI's area is the number of its
// pixels; objects with holes or in several pieces become one composite ROI. The name is the label
// (0001, 0002, ...), and in a stack every ROI knows its slice and frame.
//
// Needs   a label image of whole numbers (8-bit, 16-bit or 32-bit TIFF, also a stack): a file, or
//         the active image if no file is given. ImageJ 1.53t or later; no plugin.
// Writes  a RoiSet.zip, if a name is given. The ROIs go to the ROI Manager (behind those that are
//         there); without a window they become the overlay of the image, which then stays open.
//
// Menu      Plugins > StarBridge > labels to rois, after: starbridge fiji install
// Macro     run("labels to rois", "labelFile=a_labels.tif roiFile=a_rois.zip");
// Python    with Fiji() as fiji:
//               fiji.run_macro("labels_to_rois.ijm", labelFile="a_labels.tif", roiFile="a_rois.zip")
// Headless  fiji --headless --run labels_to_rois.ijm 'labelFile="a_labels.tif",roiFile="a_rois.zip"'

#@ File (label="Label image (empty: the active image)", style="open", required=false, persist=false) labelFile
#@ File (label="Save ROIs as (RoiSet.zip; empty: do not save)", style="save", required=false, persist=false) roiFile

var macroName = "labels_to_rois.ijm";
var imagesBefore = newArray(0);

begin();
if (!given(labelFile) && nImages == 0) stop("no label image; open one or choose a file");
if (given(roiFile) && !endsWith(toLowerCase(roiFile), ".zip")) {
	stop(roiFile + " does not end with .zip; ROIs are saved as a RoiSet.zip");
}
outerBatch = is("Batch Mode");
if (hasWindow() && !outerBatch) run("ROI Manager...");
setBatchMode(true);
original = 0;
if (given(labelFile)) {
	problem = openImage(labelFile);
	if (problem != "") stop(problem);
	name = labelFile;
} else {
	name = getTitle();
	original = getImageID();
	run("Select None");
	run("Duplicate...", "title=starbridge-labels duplicate");
}
problem = traceLabels(name);
if (problem != "") stop(problem);
count = Overlay.size;
if (given(roiFile)) {
	problem = saveRois(roiFile);
	if (problem != "") stop(problem);
	print("wrote " + roiFile);
}
if (hasWindow()) {
	showInManager();
	closeOwnImages();
	if (original != 0) selectImage(original);
} else if (original != 0 && count > 0) {
	Overlay.copy;
	close();
	selectImage(original);
	Overlay.paste;
}
restoreSettings();
if (!outerBatch) setBatchMode(false);
return "" + count;

// The functions below are word for word the same in every macro of starbridge that has them:
// ImageJ macros cannot share a file.

// Whether an optional parameter was filled in; Fiji leaves an empty one at 0.
function given(value) {
	value = "" + value;
	if (value == "" || value == "0" || value == "null") return false;
	return true;
}

// Whether ImageJ has windows, and with them a ROI Manager.
function hasWindow() {
	if (call("java.awt.GraphicsEnvironment.isHeadless") == "true") return false;
	return true;
}

// Ends the macro with its name and a message; closes what it opened.
function stop(message) {
	closeOwnImages();
	restoreSettings();
	exit(macroName + ": " + message);
}

// Remembers the settings and which images are open, for stop() and closeOwnImages().
function begin() {
	requires("1.53t");
	saveSettings();
	front = 0;
	if (nImages > 0) front = getImageID();
	ids = newArray(nImages);
	for (i = 0; i < ids.length; i++) {
		selectImage(i + 1);
		ids[i] = getImageID();
	}
	if (front != 0) selectImage(front);
	imagesBefore = ids;
}

// Closes the images that the macro opened, without a question.
function closeOwnImages() {
	for (i = nImages; i >= 1; i--) {
		selectImage(i);
		known = false;
		for (k = 0; k < imagesBefore.length; k++) {
			if (imagesBefore[k] == getImageID()) known = true;
		}
		if (!known) close();
	}
}

// A file in a folder, whether or not the folder's path ends with a separator.
function inFolder(folder, name) {
	if (endsWith(folder, "/") || endsWith(folder, File.separator)) return folder + name;
	return folder + File.separator + name;
}

// A file's folder.
function folderOf(path) {
	folder = File.getParent(path);
	if (!given(folder)) folder = ".";
	return folder;
}

// A name that is not there yet, beside the file that is to be written; it keeps the format's ending.
function partOf(path) {
	dot = lastIndexOf(path, ".");
	return substring(path, 0, dot) + ".part" + substring(path, dot);
}

// Gives a finished file its name; before, nobody can take a half-written one for the result.
function finish(part, path) {
	if (!File.exists(part)) return path + " could not be written; check the folder and the free space";
	// Windows renames onto no other file
	if (File.exists(path)) done = File.delete(path);
	done = File.rename(part, path);
	if (!File.exists(path) || File.exists(part)) {
		return path + " could not be replaced; close the program that has it open";
	}
	return "";
}

// Makes a folder, and the one above it; gives back what went wrong.
function makeFolder(folder) {
	if (File.isDirectory(folder)) return "";
	above = folderOf(folder);
	if (!File.isDirectory(above)) File.makeDirectory(above);
	File.makeDirectory(folder);
	if (File.isDirectory(folder)) return "";
	return folder + " is no folder and cannot be made; choose another one";
}

// Opens an image; gives back what is wrong with it.
function openImage(path) {
	if (!File.exists(path)) return path + " does not exist; check the spelling and the disk";
	if (File.isDirectory(path)) return path + " is a folder; choose an image";
	before = nImages;
	// a damaged file must not end the macro
	IJ.redirectErrorMessages();
	open(path);
	if (nImages > before) return "";
	return path + " cannot be opened as an image; check that it opens in ImageJ";
}

// Whether the active image can be a label image; gives back what is wrong with it.
function notLabels(name) {
	getDimensions(width, height, channels, slices, frames);
	if (bitDepth() == 24) return name + " is a colour image; a label image has one number a pixel";
	if (channels > 1) return name + " has " + channels + " channels; a label image has one";
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		getRawStatistics(count, mean, least, most);
		if (isNaN(least) || least < 0) {
			return name + " has pixels below 0 or without a number; labels are 0, 1, 2, and so on";
		}
		largest = maxOf(largest, most);
	}
	if (largest > 1000000) {
		return name + " has labels above 1,000,000, too many for a macro; use the command"
			+ " starbridge convert";
	}
	return "";
}

// Traces every label of the active image along the edges of its pixels, into its overlay.
// Each ROI has the label as its name and in its properties, and in a stack its plane.
// Gives back what is wrong with the image, or "".
function traceLabels(name) {
	setKeyDown("none");
	run("Select None");
	Overlay.remove;
	problem = notLabels(name);
	if (problem != "") return problem;
	getDimensions(width, height, channels, slices, frames);
	labels = getImageID();
	stack = nSlices > 1;
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (stack) setSlice(p);
		resetThreshold;
		getRawStatistics(area, mean, least, most);
		largest = maxOf(largest, most);
	}
	digits = maxOf(4, lengthOf("" + largest));
	planes = newArray(largest + 1);
	for (p = 1; p <= nSlices; p++) {
		if (stack) setSlice(p);
		// One pass finds how many pixels each label has, its box, and a pixel of it in its first row.
		pixels = newArray(largest + 1);
		left = newArray(largest + 1);
		right = newArray(largest + 1);
		top = newArray(largest + 1);
		bottom = newArray(largest + 1);
		seed = newArray(largest + 1);
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
							seed[label] = start;
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
		frame = 1 + floor((p - 1) / slices);
		slice = 1 + (p - 1) % slices;
		for (label = 1; label <= largest; label++) {
			if (pixels[label] > 0) {
				doWand(seed[label], top[label], 0, "4-connected");
				getRawStatistics(area, mean, least, most);
				if (area != pixels[label] || least != most) {
					// A hole, or several pieces: cut its box out and take what has this value there.
					// The overlay stays out of it, because Duplicate would look at each ROI.
					kept = Overlay.size;
					if (kept > 0) {
						Overlay.copy;
						Overlay.remove;
					}
					makeRectangle(left[label], top[label], right[label] - left[label] + 1,
						bottom[label] - top[label] + 1);
					run("Duplicate...", "title=starbridge-label");
					setThreshold(label, label);
					run("Create Selection");
					run("Select None");
					close();
					selectImage(labels);
					run("Restore Selection");
					Roi.move(left[label], top[label]);
					if (kept > 0) Overlay.paste;
				}
				planes[label] += 1;
				roiName = "" + label;
				while (lengthOf(roiName) < digits) roiName = "0" + roiName;
				if (planes[label] > 1) roiName = roiName + "-" + planes[label];
				Roi.setName(roiName);
				Roi.setProperty("starbridge.id", call("java.util.UUID.randomUUID"));
				Roi.setProperty("starbridge.label", "" + label);
				Roi.setProperty("starbridge.roi_name", roiName);
				if (stack) Roi.setPosition(0, slice, frame);
				Overlay.addSelection;
			}
		}
	}
	run("Select None");
	return "";
}

// Saves the overlay of the active image as a RoiSet.zip; gives back what went wrong.
function saveRois(path) {
	problem = makeFolder(folderOf(path));
	if (problem != "") return problem;
	part = partOf(path);
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.save", part);
	} else if (hasWindow()) {
		problem = saveRoisByManager(part);
	} else {
		problem = runJavaScript("var overlay = image.getOverlay(), used = {};"
			+ "var count = overlay == null ? 0 : overlay.size();"
			+ "var zip = new Packages.java.util.zip.ZipOutputStream("
			+ "new Packages.java.io.BufferedOutputStream(new Packages.java.io.FileOutputStream(path)));"
			+ "try { zip.setLevel(1); for (var i = 0; i < count; i++) { var roi = overlay.get(i);"
			+ "var name = String(roi.getName() == null ? 'ROI ' + (i + 1) : roi.getName())"
			+ ".replace(/[\\x00-\\x1f<>:\\x22\\/\\\\|?*]/g, '_').replace(/\\.roi$/i, '');"
			+ "var unique = name, again = 1;"
			+ "while (used['/' + unique.toLowerCase()]) unique = name + '-' + (++again);"
			+ "used['/' + unique.toLowerCase()] = true;"
			+ "zip.putNextEntry(new Packages.java.util.zip.ZipEntry(unique + '.roi'));"
			+ "var bytes = Packages.ij.io.RoiEncoder.saveAsByteArray(roi);"
			+ "zip.write(bytes, 0, bytes.length); zip.closeEntry(); } } finally { zip.close(); }", part);
	}
	if (problem != "") return path + " could not be written (" + problem + ")";
	problem = finish(part, path);
	return problem;
}

// Runs JavaScript that knows the active image and a path; gives back what went wrong.
function runJavaScript(code, path) {
	// Percent signs and letters are all that is left of the path: nothing in it can end the text.
	path = call("java.net.URLEncoder.encode", path, "UTF-8");
	IJ.redirectErrorMessages();
	result = eval("script", "(function () { try { var image = Packages.ij.IJ.getImage();"
		+ "var path = decodeURIComponent('" + path + "'.replace(/\\+/g, ' '));"
		+ code + " return 'done'; } catch (error) { return 'problem: ' + error; } })()");
	if (result == "done") return "";
	if (startsWith(result, "problem: ")) return substring(result, 9);
	return "this ImageJ has neither a window nor JavaScript (its Java may lack jdk.dynalink); start it"
		+ " with its window or another Java, or run the macro by starbridge";
}

// Saves the overlay by way of the ROI Manager, which keeps what it held; gives back what went wrong.
function saveRoisByManager(path) {
	if (Overlay.size == 0) return "there are no ROIs to save";
	kept = emptyManager();
	showInManager();
	roiManager("deselect");
	roiManager("save", path);
	refillManager(kept);
	return "";
}

// Empties the ROI Manager; gives back the file that keeps what it held, or "".
function emptyManager() {
	if (!is("Batch Mode")) run("ROI Manager...");
	quietManager();
	if (roiManager("count") == 0) return "";
	kept = temporaryFile(".zip");
	roiManager("deselect");
	roiManager("save", kept);
	roiManager("reset");
	return kept;
}

// Gives the ROI Manager back what emptyManager() took.
function refillManager(kept) {
	roiManager("reset");
	if (kept == "") return;
	roiManager("open", kept);
	done = File.delete(kept);
}

// Adds the overlay of the active image to the ROI Manager.
function showInManager() {
	setKeyDown("none");
	quietManager();
	count = Overlay.size;
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		roiManager("Add");
	}
	run("Select None");
}

// Ends "Show All": in batch mode the ROI Manager would put its list into the overlay of the image.
function quietManager() {
	count = Overlay.size;
	if (count > 0) Overlay.copy;
	roiManager("show none");
	if (count > 0) Overlay.paste;
	else Overlay.remove;
}

// A name for a file that is deleted again.
function temporaryFile(ending) {
	path = inFolder(getDirectory("temp"), "starbridge-" + call("java.util.UUID.randomUUID") + ending);
	return path;
}
