// starbridge_segment.ijm: finds nuclei with the command starbridge, and shows them.
//
// StarDist runs outside ImageJ, with today's TensorFlow: this works in any ImageJ, with any StarDist 2D
// model folder, and there is no zip to export.
//
// Needs   starbridge, installed with pip install "starbridge[segment]". If ImageJ does not find it, give
//         the whole path: "which starbridge" (Windows: "where starbridge") in a terminal tells it.
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
var imagesBefore = newArray(0);

begin();
if (!given(resultFolder)) stop("no folder for the results; choose one");
if (given(imageFile) && given(imageFolder)) stop("an image and a folder are given; choose one of them");
if (!given(commandPath)) stop("the command is empty; give starbridge, or its whole path");
if (!given(modelPath)) stop("no model; give a StarDist model folder, or demo");
if (given(imageFile)) {
	if (!File.exists(imageFile)) stop(imageFile + " does not exist; check the spelling and the disk");
}
if (given(imageFolder)) {
	if (!File.isDirectory(imageFolder)) stop(imageFolder + " is no folder; check the spelling and the disk");
}
problem = makeFolder(resultFolder);
if (problem != "") stop(problem);
outerBatch = is("Batch Mode");
input = "" + imageFile;
aside = "";
if (given(imageFolder)) input = "" + imageFolder;
if (!given(imageFile) && !given(imageFolder)) {
	if (nImages == 0) stop("no image; open one, or choose an image or a folder");
	// the image as it is now, which its file need not be
	aside = temporaryFile("");
	File.makeDirectory(aside);
	title = nameOf(getTitle());
	title = replace(title, "[\\x00-\\x1f<>:\\x22/\\\\|?*]", "_");
	input = inFolder(aside, title + ".tif");
	setBatchMode(true);
	run("Select None");
	run("Duplicate...", "title=starbridge-input duplicate");
	saveAs("Tiff", input);
	close();
	if (!outerBatch) setBatchMode(false);
}
files = imagesToDo(input, "");
if (given(imageFolder)) files = imagesToDo("", imageFolder);
print("starbridge segments " + input + "; this can take minutes");
output = runStarbridge(input);
if (aside != "") {
	done = File.delete(input);
	done = File.delete(aside);
}
missing = "";
for (f = 0; f < files.length; f++) {
	name = nameOf(files[f]);
	labelFile = inFolder(inFolder(resultFolder, "lbl"), name + "_labels.tif");
	zipFile = inFolder(inFolder(resultFolder, "roi"), name + "_rois.zip");
	if (File.exists(labelFile) && File.exists(zipFile)) {
		print("wrote " + labelFile);
		print("wrote " + zipFile);
	} else {
		missing = missing + "; " + files[f];
	}
}
// exec() tells no exit status; the shell of runStarbridge() does, and on Windows the files must do
status = "0";
mark = lastIndexOf(output, "starbridge-exit-status ");
if (mark >= 0) {
	status = String.trim(substring(output, mark + 23));
	output = substring(output, 0, mark);
}
output = String.trim(output);
if (lengthOf(output) > 1500) output = "..." + substring(output, lengthOf(output) - 1500);
if (missing != "" || status != "0") {
	if (output == "") output = "(it says nothing; run it in a terminal: " + commandPath + " segment --help)";
	if (missing != "") missing = " -- no results for " + substring(missing, 2);
	// one line, because without a window ImageJ tells a message line by line
	output = replace(output, "\n", " / ");
	stop("the command " + commandPath + " failed; it says: " + output + missing);
}
shown = 0;
if (showResults && files.length == 1) {
	if (hasWindow() && !outerBatch) run("ROI Manager...");
	setBatchMode(true);
	problem = openImage(labelFile);
	if (problem != "") stop(problem);
	labelImage = getImageID();
	problem = loadRois(zipFile);
	if (problem != "" && File.length(zipFile) > 200) stop(problem);
	shown = Overlay.size;
	if (hasWindow() && shown > 0) {
		showInManager();
		Overlay.remove;
	}
	keepImage(labelImage);
}
restoreSettings();
if (!outerBatch) setBatchMode("exit and display");
return "" + files.length;

// Runs the command with separate arguments, so that no path is taken for something else; gives back
// what it says. ImageJ would drop what is said as an error, and the exit status: on macOS and Linux
// a shell keeps both, which is given the arguments as they are.
function runStarbridge(input) {
	all = newArray(commandPath, "segment", input, "--model", "" + modelPath, "--out", "" + resultFolder);
	if ("" + nucleiChannel != "") all = Array.concat(all, "--channel", "" + nucleiChannel);
	if (overwrite) all = Array.concat(all, "--overwrite");
	if (!startsWith(getInfo("os.name"), "Windows")) {
		shell = newArray("sh", "-c", "\"$@\" 2>&1; echo starbridge-exit-status $?", "sh");
		all = Array.concat(shell, all);
	}
	result = execAll(all);
	return result;
}

// exec() with as many arguments as the array has; only so each of them stays as it is.
function execAll(a) {
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

// An image's name: its file's name without what says the format.
function nameOf(path) {
	name = File.getName(path);
	endings = newArray(".ome.tiff", ".ome.tif", ".ome.btf", ".tiff", ".tif", ".btf");
	for (i = 0; i < endings.length; i++) {
		rest = lengthOf(name) - lengthOf(endings[i]);
		if (rest > 0 && endsWith(toLowerCase(name), endings[i])) return substring(name, 0, rest);
	}
	return name;
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

// The TIFF images of a folder, or the one image that is given, as paths.
function imagesToDo(image, folder) {
	if (given(image)) return newArray("" + image);
	files = getFileList(folder);
	files = Array.sort(files);
	result = newArray(0);
	for (i = 0; i < files.length; i++) {
		file = files[i];
		lower = toLowerCase(file);
		if (matches(lower, ".*[.](tif|tiff|btf)") && !startsWith(file, ".")) {
			file = inFolder(folder, file);
			result = Array.concat(result, file);
		}
	}
	return result;
}
