// rois_to_labels.ijm: draws ROIs into a label image.
//
// An object's label is the number that starbridge keeps in its ROI, else the number that is its name
// (0012), else its place in the list. Two ROIs of a plane with the same number do not become one
// object: the second gets a new number, and the log says so. Where ROIs overlap, the more probable
// one lies on top, as StarDist draws them; without probabilities the one that comes first.
//
// Needs   a RoiSet.zip; or, if none is given, the overlay of the active image; or the ROI Manager.
//         The size comes from the image (a file, or the active one), else from width and height.
//         ImageJ 1.53t or later; no plugin. Lines, points and texts are left out.
// Writes  a label TIFF: 16-bit, 32-bit where a label is above 65,535. It stays open if you want.
//
// Menu      Plugins > StarBridge > rois to labels, after: starbridge fiji install
// Macro     run("rois to labels", "roiFile=a_rois.zip imageFile=a.tif labelFile=a_labels.tif");
// Python    with Fiji() as fiji:
//               fiji.run_macro("rois_to_labels.ijm",
//                              roiFile="a_rois.zip", imageFile="a.tif", labelFile="a_labels.tif")
// Headless  fiji --headless --run rois_to_labels.ijm 'roiFile="a_rois.zip",imageFile="a.tif",labelFile="a_labels.tif"'

#@ File (label="RoiSet.zip (empty: the active image's overlay, or the ROI Manager)", style="open", required=false, persist=false) roiFile
#@ File (label="Image that the ROIs belong to (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ Integer (label="Width, if there is no image", value=0, min=0, persist=false) givenWidth
#@ Integer (label="Height, if there is no image", value=0, min=0, persist=false) givenHeight
#@ File (label="Save label image as (TIFF)", style="save", persist=false) labelFile
#@ Boolean (label="Show the label image", value=true, persist=false) showLabels

var macroName = "rois_to_labels.ijm";
var imagesBefore = newArray(0);

begin();
if (!given(labelFile)) stop("no name for the label image; choose where to save it");
if (!endsWith(toLowerCase(labelFile), ".tif") && !endsWith(toLowerCase(labelFile), ".tiff")) {
	stop(labelFile + " does not end with .tif; label images are saved as TIFF");
}
outerBatch = is("Batch Mode");
original = 0;
if (nImages > 0) original = getImageID();
setBatchMode(true);
slices = 1;
frames = 1;
source = 0;
if (given(imageFile)) {
	problem = openImage(imageFile);
	if (problem != "") stop(problem);
	source = getImageID();
} else if (givenWidth == 0 && givenHeight == 0) {
	if (original == 0) {
		stop("the size of the label image is not known; open or choose the image, or give width and height");
	}
	source = original;
}
if (source != 0) {
	selectImage(source);
	getDimensions(imageWidth, imageHeight, imageChannels, slices, frames);
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
} else {
	if (givenWidth == 0 || givenHeight == 0) stop("width or height is 0; give both");
	imageWidth = givenWidth;
	imageHeight = givenHeight;
}

// the ROIs are put on an image of their own, so that the user's stays as it is
overlaid = 0;
if (!given(roiFile)) {
	if (original != 0) {
		selectImage(original);
		overlaid = Overlay.size;
		if (overlaid > 0) {
			// Duplicate copies the ROIs; Overlay.copy would share them with the user's image
			run("Select None");
			run("Duplicate...", "title=starbridge-overlay duplicate");
			copied = getImageID();
		}
	}
}
newImage("starbridge-rois", "8-bit black", imageWidth, imageHeight, 1, slices, frames);
if (source != 0) setVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
else setVoxelSize(1, 1, 1, "pixel");
carrier = getImageID();
if (given(roiFile)) {
	problem = loadRois(roiFile);
	if (problem != "") stop(problem);
} else if (overlaid > 0) {
	copyOverlay(copied, carrier);
} else {
	managed = 0;
	if (hasWindow()) managed = roiManager("count");
	if (managed == 0) stop("there are no ROIs; choose a RoiSet.zip, or open one");
	quietManager();
	run("From ROI Manager");
}
dropOpenRois();
if (Overlay.size == 0) stop("none of the ROIs encloses an area; choose another RoiSet.zip");
if (source == 0) {
	// nothing says how many planes there are but the ROIs
	for (i = 0; i < Overlay.size; i++) {
		Overlay.activateSelection(i);
		Roi.getPosition(c, z, t);
		slices = maxOf(slices, z);
		frames = maxOf(frames, t);
	}
	run("Select None");
}
objectLabels = labelsOfRois();
drawLabels(objectLabels, slices, frames);
labelImage = getImageID();
problem = saveTiff(labelFile);
if (problem != "") stop(problem);
print("wrote " + labelFile);
rename(File.getName(labelFile));
if (showLabels) keepImage(labelImage);
closeOwnImages();
if (original != 0 && !showLabels) selectImage(original);
restoreSettings();
if (!outerBatch) setBatchMode("exit and display");
return "" + objectLabels.length;

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

// Saves the active image as a TIFF; gives back what went wrong.
function saveTiff(path) {
	problem = makeFolder(folderOf(path));
	if (problem != "") return problem;
	title = getTitle();
	part = partOf(path);
	saveAs("Tiff", part);
	rename(title);
	problem = finish(part, path);
	return problem;
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

// Leaves out of the overlay what encloses no area: lines, points, angles, texts.
function dropOpenRois() {
	dropped = 0;
	for (i = Overlay.size - 1; i >= 0; i--) {
		Overlay.activateSelection(i);
		kind = selectionType();
		if (kind > 4 && kind != 9) {
			Overlay.removeSelection(i);
			dropped++;
		}
	}
	run("Select None");
	if (dropped > 0) print("left out " + dropped + " ROIs that enclose no area (lines, points, texts)");
}

// The label of every ROI of the overlay: starbridge's property, else the number that is its name,
// else its place in the list. No two ROIs of a plane share one.
function labelsOfRois() {
	count = Overlay.size;
	result = newArray(count);
	planes = newArray(count);
	largest = 0;
	List.clear();
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		Roi.getPosition(c, z, t);
		planes[i] = "" + maxOf(z, 1) + "/" + maxOf(t, 1) + "/";
		text = Roi.getProperty("starbridge.label");
		// ImageJ's own names (0123-0456) are coordinates, those of starbridge are 0012 or 0012-2
		if (!matches(text, "[1-9][0-9]{0,8}")) text = Roi.getName;
		if (!matches(text, "0*[1-9][0-9]{0,8}(-[0-9]{1,3})?")) text = "0";
		if (indexOf(text, "-") > 0) text = substring(text, 0, indexOf(text, "-"));
		label = parseInt(text);
		if (label > 0 && List.get(planes[i] + label) == "") {
			result[i] = label;
			List.set(planes[i] + label, "taken");
			largest = maxOf(largest, label);
		}
	}
	renumbered = 0;
	for (i = 0; i < count; i++) {
		if (result[i] == 0) {
			label = i + 1;
			if (List.get(planes[i] + label) != "") {
				label = maxOf(largest, count) + 1;
				renumbered++;
			}
			result[i] = label;
			List.set(planes[i] + label, "taken");
			largest = maxOf(largest, label);
		}
	}
	List.clear();
	run("Select None");
	if (renumbered > 0) print(renumbered + " ROIs had the label of another one and got a new number");
	return result;
}

// Draws the overlay of the active image into a new label image, which becomes the active one: 16-bit,
// 32-bit where a label is above 65,535. Of ROIs that overlap, the more probable lies on top, and
// where nothing is known of that, the one that comes first in the list.
function drawLabels(labels, slices, frames) {
	count = Overlay.size;
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	bits = "16-bit";
	rank = newArray(count);
	planes = newArray(count);
	for (i = 0; i < count; i++) {
		if (labels[i] > 65535) bits = "32-bit";
		Overlay.activateSelection(i);
		probability = parseFloat(Roi.getProperty("starbridge.prob"));
		if (isNaN(probability)) probability = 0;
		rank[i] = round(probability * 1000000) * count + count - i;
		Roi.getPosition(c, z, t);
		planes[i] = (minOf(maxOf(t, 1), frames) - 1) * slices + minOf(maxOf(z, 1), slices);
	}
	run("Select None");
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
		if (nSlices > 1) setSlice(planes[i]);
		setColor(labels[i]);
		fill();
	}
	run("Select None");
	Overlay.remove;
	if (nSlices > 1) setSlice(1);
	resetMinAndMax;
}
