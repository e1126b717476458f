// @java.io.Serializable (value="(default)", required=false, persist=false) image_file
// @java.io.Serializable (value="(default)", required=false, persist=false) roi_file
// @java.io.Serializable (value="(default)", required=false, persist=false) empty_first
// (These lines tell Fiji the names of the settings; the settings are below.)
//
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
// Macro     run("push rois", "image_file=a.tif roi_file=a_rois.zip");
// Python    with Fiji(mode="gui") as fiji:
//               fiji.run_macro("push_rois.ijm", image_file="a.tif", roi_file="a_rois.zip")
// Headless  fiji --headless --run push_rois.ijm 'image_file="a.tif",roi_file="a_rois.zip"'

var macroName = "push_rois.ijm";
var settings_from, image_file, roi_file, empty_first;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip)", "");
	empty_first = truthSetting(empty_first, "Empty_first (the ROI Manager; what was not saved is lost)", false);
}
if (!isGiven(roi_file)) stop("no ROIs; choose a RoiSet.zip");
if (!isGiven(image_file) && countImages() == 0) stop("no image; open one or choose a file");
enterBatchMode(true);
if (isGiven(image_file)) stopOn(openImage(image_file));
shown = getImageID();
title = getTitle();
// onto an image of their own: if they cannot be read, the image keeps the overlay that it has
newImageLike(shown, "starbridge-rois", "8-bit");
carrier = getImageID();
stopOn(loadRois(roi_file));
count = Overlay.size;
outside = countOutside();
if (outside > 0) {
	print(outside + " of " + count + " ROIs lie outside the image; do they belong to " + title + "?");
}
if (hasWindow()) {
	if (empty_first) roiManager("reset");
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

// Return the number of ROIs of the overlay of which no part lies in the active image. A star outline
// begins in the image, but its rays may end beyond the border: that is no sign of another image.
function countOutside() {
	outside = 0;
	for (i = 0; i < Overlay.size; i++) {
		Overlay.activateSelection(i);
		getSelectionBounds(x, y, w, h);
		if (x >= getWidth() || y >= getHeight() || x + w <= 0 || y + h <= 0) outside++;
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
