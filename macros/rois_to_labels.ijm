// rois_to_labels.ijm: draws ROIs into a label image.
//
// An object's label is the number that starbridge keeps in its ROI, else the number that is its name
// (0012), else its place in the list. Two ROIs of a plane with the same number do not become one
// object: the second gets a new number, and the log names how many did. Where ROIs overlap, the more probable
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
var openAtStart = newArray(0);  // IDs of the images that stay open when the macro ends
var activeAtStart = 0;          // ID of the active image at the start; 0: none was open
var inBatchMode = false;        // the macro was called by one that is in batch mode

startMacro();
if (!isGiven(labelFile)) stop("no name for the label image; choose where to save it");
if (!endsWith(toLowerCase(labelFile), ".tif") && !endsWith(toLowerCase(labelFile), ".tiff")) {
	stop(labelFile + " does not end with .tif; label images are saved as TIFF");
}
hasSize = givenWidth > 0 || givenHeight > 0;
if (!isGiven(imageFile) && !hasSize && nImages == 0) {
	stop("the size of the label image is not known; open or choose the image, or give width and height");
}
if (!isGiven(imageFile) && hasSize && givenWidth * givenHeight == 0) stop("width or height is 0; give both");
enterBatchMode(false);

// the ROIs are put on an image of their own, so that the user's stays as it is
overlaid = 0;
if (!isGiven(roiFile) && nImages > 0) {
	if (Overlay.size > 0) {
		// Duplicate copies the ROIs; Overlay.copy would share them with the user's image
		stopOn(openOrDuplicate(""));
		overlaid = getImageID();
	}
}
slices = 0;
frames = 0;
if (isGiven(imageFile) || !hasSize) {
	if (isGiven(imageFile)) stopOn(openImage(imageFile));
	else selectImage(activeAtStart);
	getDimensions(width, height, channels, slices, frames);
	newImageLike(getImageID(), "starbridge-rois", "8-bit");
} else {
	newImage("starbridge-rois", "8-bit black", givenWidth, givenHeight, 1);
	setVoxelSize(1, 1, 1, "pixel");
}
carrier = getImageID();
if (overlaid != 0) copyOverlay(overlaid, carrier);
stopOn(gatherRois(roiFile));
labels = assignLabels(slices, frames);
drawLabels(labels, slices, frames);
labelImage = getImageID();
stopOn(saveTiff(labelFile));
print("wrote " + labelFile);
rename(File.getName(labelFile));
if (showLabels) keepImage(labelImage);
else labelImage = activeAtStart;
endMacro(labelImage);
return "" + labels.length;

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
	before = nImages;
	// a damaged file must not end the macro
	IJ.redirectErrorMessages();
	open(path);
	if (nImages > before) return "";
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

// -- lib/labels.ijm --

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

// Put the overlay of an image on another one, which becomes the active one.
function copyOverlay(from, onto) {
	selectImage(from);
	if (Overlay.size == 0) return;
	Overlay.copy;
	selectImage(onto);
	Overlay.paste;
}

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
