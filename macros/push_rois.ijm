// push_rois.ijm: shows an image with the ROIs of a RoiSet.zip over it, for review.
//
// Needs   an image (or the active one, if no file is given) and a RoiSet.zip that starbridge or the
//         ROI Manager saved. ImageJ 1.53t or later; no plugin.
// Shows   the image with its pixel size; the ROIs with their colours, names and planes in the ROI
//         Manager, behind those that are there unless you have it emptied first. Without a window
//         they become the image's overlay. After the review, save the ROIs by More >> Save... in the
//         ROI Manager: class, probability and identity of each nucleus stay in its ROI.
// Writes  nothing.
//
// Menu      Plugins > StarBridge > push rois, after: starbridge fiji install
// Macro     run("push rois", "imageFile=a.tif roiFile=a_rois.zip");
// Python    with Fiji(mode="gui") as fiji:
//               fiji.run_macro("push_rois.ijm", imageFile="a.tif", roiFile="a_rois.zip")
// Headless  fiji --headless --run push_rois.ijm 'imageFile="a.tif",roiFile="a_rois.zip"'

#@ File (label="Image (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ File (label="ROIs (RoiSet.zip)", style="open", persist=false) roiFile
#@ Boolean (label="Empty the ROI Manager first (what was not saved is lost)", value=false, persist=false) emptyFirst

var macroName = "push_rois.ijm";
var openAtStart = newArray(0);  // IDs of the images that stay open when the macro ends
var activeAtStart = 0;          // ID of the active image at the start; 0: none was open
var inBatchMode = false;        // the macro was called by one that is in batch mode

startMacro();
if (!isGiven(roiFile)) stop("no ROIs; choose a RoiSet.zip");
if (!isGiven(imageFile) && nImages == 0) stop("no image; open one or choose a file");
enterBatchMode(true);
if (isGiven(imageFile)) stopOn(openImage(imageFile));
shown = getImageID();
title = getTitle();
// onto an image of their own: if they cannot be read, the image keeps the overlay that it has
newImageLike(shown, "starbridge-rois", "8-bit");
carrier = getImageID();
stopOn(loadRois(roiFile));
count = Overlay.size;
outside = countOutside();
if (outside > 0) {
	print(outside + " of " + count + " ROIs reach beyond the image; do they belong to " + title + "?");
}
if (hasWindow()) {
	if (emptyFirst) roiManager("reset");
	addToManager();
} else {
	copyOverlay(carrier, shown);
}
keepImage(shown);
endMacro(shown);
if (hasWindow()) roiManager("show all without labels");
print("showing " + count + " ROIs on " + title);
return "" + count;

// ---- Library of starbridge: built from macros/lib, nothing to set below -------------------------

// -- lib/files.ijm --

// Return the path of a file in a folder, whose path may end with a separator.
function joinPath(folder, name) {
	if (endsWith(folder, "/") || endsWith(folder, File.separator)) return folder + name;
	return folder + File.separator + name;
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
	before = nImages;
	// a damaged file must not end the macro
	IJ.redirectErrorMessages();
	open(path);
	if (nImages > before) return "";
	return path + " cannot be opened as an image; check that it opens in ImageJ";
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

// Read a RoiSet.zip into the overlay of the active image through the ROI Manager.
function loadByManager(path) {
	kept = emptyManager();
	IJ.redirectErrorMessages();
	roiManager("open", path);
	if (roiManager("count") > 0) run("From ROI Manager");
	restoreManager(kept);
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

// Return the number of ROIs of the overlay that reach beyond the active image.
function countOutside() {
	outside = 0;
	for (i = 0; i < Overlay.size; i++) {
		Overlay.activateSelection(i);
		getSelectionBounds(x, y, w, h);
		if (x + w > getWidth() || y + h > getHeight() || x < 0 || y < 0) outside++;
	}
	run("Select None");
	return outside;
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

// Check ImageJ's version; record its settings and the open images, to return to them at the end.
function startMacro() {
	requires("1.53t");
	saveSettings();
	inBatchMode = is("Batch Mode");
	if (nImages > 0) activeAtStart = getImageID();
	ids = newArray(nImages);
	for (i = 0; i < ids.length; i++) {
		selectImage(i + 1);
		ids[i] = getImageID();
	}
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

// End the macro with its name and a message, after closing its own images.
function stop(message) {
	closeOwnImages();
	restoreSettings();
	exit(macroName + ": " + message);
}

// End the macro if a function returned a problem; "" is none.
function stopOn(problem) {
	if (problem != "") stop(problem);
}

// Close the images that the macro opened, without a question.
function closeOwnImages() {
	for (i = nImages; i >= 1; i--) {
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
