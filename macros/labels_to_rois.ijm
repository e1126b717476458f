// @java.io.Serializable (value="(default)", required=false, persist=false) label_file
// @java.io.Serializable (value="(default)", required=false, persist=false) roi_file
// (These lines tell Fiji the names of the settings; the settings are below.)
//
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
// Macro     run("labels to rois", "label_file=a_labels.tif roi_file=a_rois.zip");
// Python    with Fiji() as fiji:
//               fiji.run_macro("labels_to_rois.ijm", label_file="a_labels.tif", roi_file="a_rois.zip")
// Headless  fiji --headless --run labels_to_rois.ijm 'label_file="a_labels.tif",roi_file="a_rois.zip"'

var macroName = "labels_to_rois.ijm";
var settings_from, label_file, roi_file;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	label_file = fileSetting(label_file, "Label_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (to save, RoiSet.zip; empty: none)", "");
}
if (!isGiven(label_file) && countImages() == 0) stop("no label image; open one or choose a file");
if (isGiven(roi_file) && !endsWith(toLowerCase(roi_file), ".zip")) {
	stop(roi_file + " does not end with .zip; ROIs are saved as a RoiSet.zip");
}
enterBatchMode(true);
name = "" + label_file;
if (!isGiven(label_file)) name = getTitle();
stopOn(openOrDuplicate(label_file));
stopOn(traceLabels(name));
count = Overlay.size;
if (isGiven(roi_file)) {
	stopOn(saveRois(roi_file));
	print("wrote " + roi_file);
}
traced = getImageID();
shown = activeAtStart;
if (hasWindow()) {
	addToManager();
} else if (isGiven(label_file)) {
	keepImage(traced);
	shown = traced;
} else {
	copyOverlay(traced, shown);
}
endMacro(shown);
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
