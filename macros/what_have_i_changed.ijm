// @java.io.Serializable (value="(default)", required=false, persist=false) command_path
// (These lines tell Fiji the names of the settings; the settings are below.)
//
// what_have_i_changed.ijm: says what you did to the nuclei of the open review since the last push.
//
// Needs   starbridge, as starbridge segment does. The image NAME.tif of a review folder that starbridge
//         fiji push wrote, open and active, and its ROIs in the ROI Manager; without a window, in its
//         overlay. ImageJ 1.53t or later; no plugin.
// Writes  nothing.
// Shows   how many nuclei are added, deleted, reshaped, reclassified and so on, in the log; also of
//         what is not saved yet.
//
// Menu      Plugins > StarBridge > what have i changed, after: starbridge fiji install
// Macro     run("what have i changed");
// Python    fiji.run_macro("what_have_i_changed.ijm").value
// Headless  fiji --headless --run what_have_i_changed.ijm, called from a macro that has opened the image

var macroName = "what_have_i_changed.ijm";
var settings_from, command_path;
var openAtStart = newArray(0), activeAtStart = 0, inBatchMode = false, settingsPass = 0;
var settingKeys = newArray(0), settingWords = newArray(0), settingTexts = newArray(0);
var settingNames = newArray(0), isSettingFound = false, settingText = "", areSettingsGiven = false;
var areSettingsFilled = false, zeroSettings = 0, hasDialog = false, isAsked = false;

startMacro();
while (nextPass()) {
	command_path = textSetting(command_path, "Command_path (starbridge, if need be with its folder)", "starbridge");
}
if (!isGiven(command_path)) stop("the command is empty; give starbridge, or its whole path");
stopOn(checkReview());
reviewed = getImageID();
reviewName = reviewedName();
opened = temporaryPath(".zip");
stopOn(saveOpenRois(opened));
words = newArray(command_path, "fiji", "status", getDirectory("image"), reviewName, "--rois", opened);
output = runCommand(words);
done = File.delete(opened);
missing = "";
if (indexOf(output, "since the last push") < 0) missing = reviewName;
stopOn(commandProblem(command_path, output, missing));
endMacro(reviewed);
said = withoutFiles(output, reviewName);
print(said);
return said;

// ---- Library of starbridge: built from macros/lib, nothing to set below -------------------------

// -- lib/command.ijm --

// Run a command and its arguments, each of which stays one argument. Return its output, followed on
// macOS and Linux by "starbridge-exit-status" and the status: exec() drops the status and the error
// output, which a shell keeps. The shell gets the arguments as they are and interprets none.
function runCommand(words) {
	if (!startsWith(getInfo("os.name"), "Windows")) {
		shell = newArray("sh", "-c", "\"$@\" 2>&1; echo starbridge-exit-status $?", "sh");
		words = Array.concat(shell, words);
	}
	output = execWords(words);
	return output;
}

// Call exec() with as many arguments as an array has; a joined text would be split at its spaces.
function execWords(a) {
	n = a.length;
	if (n == 7) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	if (n == 8) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
	if (n == 9) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
	if (n == 10) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]);
	if (n == 11) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]);
	if (n == 12) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
	if (n == 13) return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12]);
	return exec(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13]);
}

// Return the problem of a command that ran, from the output of runCommand() and the images without
// results; "" if it succeeded.
function commandProblem(command, output, missing) {
	status = "0";
	mark = lastIndexOf(output, "starbridge-exit-status ");
	if (mark >= 0) {
		status = String.trim(substring(output, mark + 23));
		output = substring(output, 0, mark);
	}
	if (missing == "" && status == "0") return "";
	output = String.trim(output);
	if (lengthOf(output) > 1500) output = "..." + substring(output, lengthOf(output) - 1500);
	if (output == "") output = "(no output; run it in a terminal: " + command + " segment --help)";
	// one line, because without a window ImageJ shows a message line by line
	output = replace(output, "\n", " / ");
	problem = "the command " + command + " failed; its output: " + output;
	if (missing != "") problem = problem + " -- no results for " + missing;
	return problem;
}

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

// -- lib/reviews.ijm --

// Return the problem of the active image if it is not that of a review folder, or "".
function checkReview() {
	if (countImages() == 0) return "no image; open NAME.tif of a review folder";
	folder = getDirectory("image");
	name = reviewedName();
	record = joinPath(folder, name + ".starbridge-review");
	if (folder != "" && File.exists(record)) return "";
	title = getTitle();
	return title + " is not the image of a review; open NAME.tif from the folder that"
		+ " starbridge fiji push wrote";
}

// Return the name of the active image in its review folder: that of its file, without the ending.
function reviewedName() {
	name = baseName(getInfo("image.filename"));
	return name;
}

// Save what the reviewer has open as a RoiSet.zip: the ROIs of the ROI Manager, or without a window
// those of the active image's overlay. Return the problem, or "".
function saveOpenRois(path) {
	if (!hasWindow()) {
		problem = saveRois(path);
		return problem;
	}
	if (roiManager("count") == 0) return "the ROI Manager is empty; open NAME_rois.zip of the review";
	roiManager("deselect");
	roiManager("save", path);
	if (File.exists(path)) return "";
	return path + " could not be written; check the free space";
}

// Return the lines of a command's output that do not end with the name of a file that is shown.
function withoutFiles(output, name) {
	mark = lastIndexOf(output, "starbridge-exit-status ");
	if (mark >= 0) output = substring(output, 0, mark);
	lines = split(String.trim(output), "\n");
	kept = "";
	for (i = 0; i < lines.length; i++) {
		line = String.trim(lines[i]);
		if (!endsWith(line, name + ".tif") && !endsWith(line, name + "_rois.zip")) {
			if (kept != "") kept = kept + "\n";
			kept = kept + line;
		}
	}
	return kept;
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
