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
var imagesBefore = newArray(0);

begin();
if (!given(roiFile)) stop("no ROIs; choose a RoiSet.zip");
if (!given(imageFile) && nImages == 0) stop("no image; open one or choose a file");
outerBatch = is("Batch Mode");
if (hasWindow() && !outerBatch) run("ROI Manager...");
setBatchMode(true);
if (given(imageFile)) {
	problem = openImage(imageFile);
	if (problem != "") stop(problem);
}
shown = getImageID();
title = getTitle();
getDimensions(imageWidth, imageHeight, imageChannels, slices, frames);
// read onto an image of their own first: if they cannot be read, the image's own overlay is still there
newImage("starbridge-rois", "8-bit black", imageWidth, imageHeight, 1, slices, frames);
carrier = getImageID();
problem = loadRois(roiFile);
if (problem != "") stop(problem);
count = Overlay.size;
outside = 0;
for (i = 0; i < count; i++) {
	Overlay.activateSelection(i);
	getSelectionBounds(x, y, w, h);
	if (x + w > imageWidth || y + h > imageHeight || x < 0 || y < 0) outside++;
}
run("Select None");
if (outside > 0) {
	print(outside + " of " + count + " ROIs reach beyond the image; do they belong to " + title + "?");
}
if (hasWindow()) {
	if (emptyFirst) roiManager("reset");
	showInManager();
} else {
	copyOverlay(carrier, shown);
}
keepImage(shown);
closeOwnImages();
selectImage(shown);
restoreSettings();
if (!outerBatch) setBatchMode("exit and display");
if (hasWindow()) roiManager("show all without labels");
print("showing " + count + " ROIs on " + title);
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

// Leaves an image that the macro opened to the user.
function keepImage(image) {
	imagesBefore = Array.concat(imagesBefore, image);
}

// Puts the overlay of one image on another one, which becomes the active one.
function copyOverlay(from, onto) {
	selectImage(from);
	if (Overlay.size == 0) return;
	Overlay.copy;
	selectImage(onto);
	Overlay.paste;
}

// A file in a folder, whether or not the folder's path ends with a separator.
function inFolder(folder, name) {
	if (endsWith(folder, "/") || endsWith(folder, File.separator)) return folder + name;
	return folder + File.separator + name;
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

// Reads a RoiSet.zip into the overlay of the active image; gives back what is wrong with it.
function loadRois(path) {
	if (!File.exists(path)) return path + " does not exist; check the spelling and the disk";
	if (File.isDirectory(path) || !endsWith(toLowerCase(path), ".zip")) {
		return path + " is no RoiSet.zip; choose a zip that the ROI Manager or starbridge saved";
	}
	Overlay.remove;
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.load", path);
	} else if (hasWindow()) {
		problem = loadRoisByManager(path);
	} else {
		problem = runJavaScript("var overlay = new Packages.ij.gui.Overlay();"
			+ "var buffer = Packages.java.lang.reflect.Array.newInstance(Packages.java.lang.Byte.TYPE, 65536);"
			+ "var zip = new Packages.java.util.zip.ZipFile(path);"
			+ "try { var entries = zip.entries(); while (entries.hasMoreElements()) {"
			+ "var entry = entries.nextElement(), name = String(entry.getName());"
			+ "if (!/\\.roi$/i.test(name)) continue;"
			+ "var stream = zip.getInputStream(entry), count;"
			+ "var bytes = new Packages.java.io.ByteArrayOutputStream();"
			+ "while ((count = stream.read(buffer, 0, 65536)) > 0) bytes.write(buffer, 0, count);"
			+ "var roi = Packages.ij.io.RoiDecoder.openFromByteArray(bytes.toByteArray());"
			+ "if (roi == null) throw name + ' is no ROI';"
			+ "roi.setName(name.replace(/^.*\\//, '').replace(/\\.roi$/i, '')); overlay.add(roi);"
			+ "} } finally { zip.close(); } image.setOverlay(overlay);", path);
	}
	if (problem == "" && Overlay.size == 0) problem = "it holds no ROIs";
	if (problem == "") return "";
	return path + " cannot be read as a RoiSet.zip (" + problem + "); save the ROIs again";
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

// Reads a RoiSet.zip by way of the ROI Manager, which keeps what it held; gives back what went wrong.
function loadRoisByManager(path) {
	kept = emptyManager();
	IJ.redirectErrorMessages();
	roiManager("open", path);
	if (roiManager("count") > 0) run("From ROI Manager");
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
