// starbridge_segment.ijm: finds nuclei with the command starbridge, and shows them.
//
// StarDist runs outside ImageJ, with today's TensorFlow: this works in any ImageJ, with any StarDist 2D
// model folder, and there is no zip to export.
//
// Needs   starbridge, installed with pip install "starbridge[segment]". If ImageJ does not find it, give
//         the whole path, which "which starbridge" (Windows: "where starbridge") prints in a terminal.
//         An image, a folder of images, or an image that is open. ImageJ 1.53t or later; no plugin.
// Writes  what starbridge segment writes: lbl/NAME_labels.tif, roi/NAME_rois.zip, geojson, tables,
//         preview and run.json. Results that are there and were made alike are kept.
// Shows   for one image: its labels, and the ROIs in the ROI Manager, or as the overlay of the label
//         image where there is no window.
//
// Menu      Plugins > StarBridge > starbridge segment, after: starbridge fiji install
// Macro     run("starbridge segment", "imageFile=a.tif resultFolder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("starbridge_segment.ijm", imageFile="a.tif", resultFolder="results")
// Headless  fiji --headless --run starbridge_segment.ijm 'imageFile="a.tif",resultFolder="results"'

#@ File (label="One image", style="open", required=false, persist=false) imageFile
#@ File (label="or a folder of images (both empty: the active image)", style="directory", required=false, persist=false) imageFolder
#@ String (label="StarDist model folder, or demo", value="demo", persist=false) modelPath
#@ String (label="Channel of the nuclei (name, or number from 0; empty: the model's)", value="", required=false, persist=false) nucleiChannel
#@ File (label="Folder for the results", style="directory", persist=false) resultFolder
#@ Boolean (label="Replace results that are there", value=false, persist=false) overwrite
#@ Boolean (label="Show labels and ROIs", value=true, persist=false) showResults
#@ String (label="The command starbridge, if need be with its path", value="starbridge", persist=false) commandPath

var macroName = "starbridge_segment.ijm";
var openAtStart = newArray(0);  // IDs of the images that stay open when the macro ends
var activeAtStart = 0;          // ID of the active image at the start; 0: none was open
var inBatchMode = false;        // the macro was called by one that is in batch mode

startMacro();
if (!isGiven(resultFolder)) stop("no folder for the results; choose one");
stopOn(checkInput(imageFile, imageFolder));
if (!isGiven(commandPath)) stop("the command is empty; give starbridge, or its whole path");
if (!isGiven(modelPath)) stop("no model; give a StarDist model folder, or demo");
isActiveImage = false;
if (!isGiven(imageFile) && !isGiven(imageFolder)) isActiveImage = true;
if (isActiveImage && nImages == 0) stop("no image; open one, or choose an image or a folder");
stopOn(makeFolder(resultFolder));
input = "" + imageFile;
if (isGiven(imageFolder)) input = "" + imageFolder;
if (isActiveImage) input = saveCopy();
files = newArray(input);
if (isGiven(imageFolder)) files = listImages("", imageFolder);

print("starbridge segments " + input + "; this can take minutes");
words = newArray(commandPath, "segment", input, "--model", "" + modelPath, "--out", "" + resultFolder);
if ("" + nucleiChannel != "") words = Array.concat(words, "--channel", "" + nucleiChannel);
if (overwrite) words = Array.concat(words, "--overwrite");
output = runCommand(words);
if (isActiveImage) deleteWithFolder(input);
missing = findMissingResults(files, resultFolder);
stopOn(commandProblem(commandPath, output, missing));

labelImage = 0;
if (showResults && files.length == 1) {
	enterBatchMode(true);
	stopOn(showResult(input, resultFolder));
	labelImage = getImageID();
}
endMacro(labelImage);
return "" + files.length;

// ---- Library of starbridge: built from macros/lib, nothing to set below -------------------------

// -- lib/command.ijm --

// Save a copy of the active image, as it is now, as the only file of a temporary folder. Return its
// path; deleteWithFolder() removes both.
function saveCopy() {
	folder = temporaryPath("");
	File.makeDirectory(folder);
	name = baseName(getTitle());
	name = replace(name, "[\\x00-\\x1f<>:\\x22/\\\\|?*]", "_");
	path = joinPath(folder, name + ".tif");
	setBatchMode(true);
	run("Select None");
	run("Duplicate...", "title=starbridge-input duplicate");
	saveAs("Tiff", path);
	close();
	if (!inBatchMode) setBatchMode(false);
	return path;
}

// Delete a file and the folder that held it alone.
function deleteWithFolder(path) {
	folder = parentFolder(path);
	done = File.delete(path);
	done = File.delete(folder);
}

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

// Print the results of images that are in a folder. Return the images that lack some, parted by "; ".
function findMissingResults(files, folder) {
	missing = "";
	for (f = 0; f < files.length; f++) {
		name = baseName(files[f]);
		labelPath = resultPath(folder, "lbl", name, "_labels.tif");
		zipPath = resultPath(folder, "roi", name, "_rois.zip");
		if (File.exists(labelPath) && File.exists(zipPath)) {
			print("wrote " + labelPath);
			print("wrote " + zipPath);
		} else {
			if (missing != "") missing = missing + "; ";
			missing = missing + files[f];
		}
	}
	return missing;
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

// Open the label image that the command wrote for an image, and its ROIs. Return the problem, or "".
function showResult(file, folder) {
	name = baseName(file);
	labelPath = resultPath(folder, "lbl", name, "_labels.tif");
	zipPath = resultPath(folder, "roi", name, "_rois.zip");
	problem = openImage(labelPath);
	if (problem != "") return problem;
	labelImage = getImageID();
	problem = loadRois(zipPath);
	// a RoiSet.zip of an image without nuclei is an empty zip
	if (problem != "" && File.length(zipPath) > 200) return problem;
	if (hasWindow() && Overlay.size > 0) {
		addToManager();
		Overlay.remove;
	}
	keepImage(labelImage);
	return "";
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

// Return the path of a result: FOLDER/KIND/NAME and an ending, as in lbl/NAME_labels.tif.
function resultPath(folder, kind, name, ending) {
	path = joinPath(joinPath(folder, kind), name + ending);
	return path;
}

// Check that not both an image and a folder are given, and that what is given exists. Return the
// problem, or "".
function checkInput(image, folder) {
	if (isGiven(image) && isGiven(folder)) return "an image and a folder are given; choose one of them";
	if (isGiven(image)) {
		if (!File.exists(image)) return image + " does not exist; check the spelling and the disk";
	}
	if (isGiven(folder)) {
		if (!File.isDirectory(folder)) return folder + " is no folder; check the spelling and the disk";
	}
	return "";
}

// Return the paths of the TIFF images to process: the given image, else those of a folder by name.
function listImages(image, folder) {
	if (isGiven(image)) return newArray("" + image);
	files = getFileList(folder);
	files = Array.sort(files);
	paths = newArray(0);
	for (i = 0; i < files.length; i++) {
		file = files[i];
		lower = toLowerCase(file);
		if (matches(lower, ".*[.](tif|tiff|btf)") && !startsWith(file, ".")) {
			file = joinPath(folder, file);
			paths = Array.concat(paths, file);
		}
	}
	return paths;
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
