// @java.io.Serializable (value="(default)", required=false, persist=false) roi_file
// @java.io.Serializable (value="(default)", required=false, persist=false) image_file
// @java.io.Serializable (value="(default)", required=false, persist=false) given_width
// @java.io.Serializable (value="(default)", required=false, persist=false) given_height
// @java.io.Serializable (value="(default)", required=false, persist=false) label_file
// @java.io.Serializable (value="(default)", required=false, persist=false) show_labels
// (These lines tell Fiji the names of the settings; the settings are below.)
//
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
// Macro     run("rois to labels", "roi_file=a_rois.zip image_file=a.tif label_file=a_labels.tif");
// Python    with Fiji() as fiji:
//               fiji.run_macro("rois_to_labels.ijm",
//                              roi_file="a_rois.zip", image_file="a.tif", label_file="a_labels.tif")
// Headless  fiji --headless --run rois_to_labels.ijm 'roi_file="a_rois.zip",image_file="a.tif",label_file="a_labels.tif"'

var macroName = "rois_to_labels.ijm";
var settings_from, roi_file, image_file, given_width, given_height, label_file, show_labels;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip; empty: overlay or ROI Manager)", "");
	image_file = fileSetting(image_file, "Image_file (of the ROIs; empty: the active image)", "");
	given_width = wholeSetting(given_width, "Given_width (if there is no image)", 0, 0, 1/0);
	given_height = wholeSetting(given_height, "Given_height (if there is no image)", 0, 0, 1/0);
	label_file = fileSetting(label_file, "Label_file (to save, TIFF)", "");
	show_labels = truthSetting(show_labels, "Show_labels", true);
}
if (!isGiven(label_file)) stop("no name for the label image; choose where to save it");
if (!endsWith(toLowerCase(label_file), ".tif") && !endsWith(toLowerCase(label_file), ".tiff")) {
	stop(label_file + " does not end with .tif; label images are saved as TIFF");
}
hasSize = given_width > 0 || given_height > 0;
if (!isGiven(image_file) && !hasSize && countImages() == 0) {
	stop("the size of the label image is not known; open or choose the image, or give width and height");
}
if (!isGiven(image_file) && hasSize && given_width * given_height == 0) stop("width or height is 0; give both");
enterBatchMode(false);

// the ROIs are put on an image of their own, so that the user's stays as it is
overlaid = 0;
if (!isGiven(roi_file) && countImages() > 0) {
	if (Overlay.size > 0) {
		// Duplicate copies the ROIs; Overlay.copy would share them with the user's image
		stopOn(openOrDuplicate(""));
		overlaid = getImageID();
	}
}
slices = 0;
frames = 0;
if (isGiven(image_file) || !hasSize) {
	if (isGiven(image_file)) stopOn(openImage(image_file));
	else selectImage(activeAtStart);
	getDimensions(width, height, channels, slices, frames);
	newImageLike(getImageID(), "starbridge-rois", "8-bit");
} else {
	newImage("starbridge-rois", "8-bit black", given_width, given_height, 1);
	setVoxelSize(1, 1, 1, "pixel");
}
carrier = getImageID();
if (overlaid != 0) copyOverlay(overlaid, carrier);
stopOn(gatherRois(roi_file));
labels = assignLabels(slices, frames);
drawLabels(labels, slices, frames);
labelImage = getImageID();
stopOn(saveTiff(label_file));
print("wrote " + label_file);
rename(File.getName(label_file));
if (show_labels) keepImage(labelImage);
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
