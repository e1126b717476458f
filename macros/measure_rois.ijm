// measure_rois.ijm: measures every ROI in every channel, into a table for ilastik, R or Excel.
//
// Needs   an image (a file, or the active one) and its ROIs: a RoiSet.zip, else the overlay of the
//         active image, else the ROI Manager. ImageJ 1.53t or later; no plugin.
// Writes  NAME_table.csv, a row a ROI:
//           labelimage_oid   the label, as in lbl/NAME_labels.tif and in ilastik's table
//           name, class      of the ROI; slice and frame from 1
//           Area_um2, X_um, Y_um, Perimeter_um and the same in px (X, Y: centroid, from the corner
//             of the first pixel); the former are empty where the image has no pixel size
//           Circularity      4 pi Area / Perimeter^2
//           CHANNEL_Mean, _Min, _Max, _StdDev, _Median: grey values of the image
//           CHANNEL_IntDen_um2 (mean times area), CHANNEL_RawIntDen (sum of the pixels)
//
// Menu      Plugins > StarBridge > measure rois, after: starbridge fiji install
// Macro     run("measure rois", "imageFile=a.tif roiFile=roi/a_rois.zip tableFolder=tables");
// Python    with Fiji() as fiji:
//               fiji.run_macro("measure_rois.ijm",
//                              imageFile="a.tif", roiFile="roi/a_rois.zip", tableFolder="tables")
// Headless  fiji --headless --run measure_rois.ijm 'imageFile="a.tif",roiFile="roi/a_rois.zip",tableFolder="tables"'

#@ File (label="Image (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ File (label="RoiSet.zip (empty: the active image's overlay, or the ROI Manager)", style="open", required=false, persist=false) roiFile
#@ String (label="Names of the channels, with commas (empty: as the image says)", value="", required=false, persist=false) channelList
#@ File (label="Folder for NAME_table.csv", style="directory", persist=false) tableFolder

var macroName = "measure_rois.ijm";
var imagesBefore = newArray(0);

begin();
if (!given(tableFolder)) stop("no folder for the table; choose one");
if (!given(imageFile) && nImages == 0) stop("no image; open one or choose a file");
outerBatch = is("Batch Mode");
original = 0;
if (nImages > 0) original = getImageID();
setBatchMode(true);
if (given(imageFile)) {
	problem = openImage(imageFile);
	if (problem != "") stop(problem);
	measured = getImageID();
	name = nameOf(imageFile);
} else {
	// on a copy, so that overlay and selection of the image stay as they are
	name = nameOf(getTitle());
	selectImage(original);
	run("Select None");
	run("Duplicate...", "title=starbridge-measured duplicate");
	measured = getImageID();
}
if (bitDepth() == 24) run("Make Composite");
hadOverlay = Overlay.size;
if (given(roiFile)) {
	problem = loadRois(roiFile);
	if (problem != "") stop(problem);
} else if (hadOverlay == 0) {
	managed = 0;
	if (hasWindow()) managed = roiManager("count");
	if (managed == 0) stop("there are no ROIs; choose a RoiSet.zip, or open one");
	quietManager();
	run("From ROI Manager");
}
dropOpenRois();
if (Overlay.size == 0) stop("none of the ROIs encloses an area; choose another RoiSet.zip");
objectLabels = labelsOfRois();
table = inFolder(tableFolder, name + "_table.csv");
problem = measureRois(table, objectLabels, channelList);
if (problem != "") stop(problem);
print("wrote " + table);
closeOwnImages();
if (original != 0) selectImage(original);
restoreSettings();
if (!outerBatch) setBatchMode(false);
return table;

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

// Micrometres of a length in a unit; 0 for a unit that is none, such as pixel.
function micrometres(unit) {
	unit = toLowerCase(unit);
	if (unit == "um" || startsWith(unit, "micro") || unit == fromCharCode(181) + "m"
			|| unit == fromCharCode(956) + "m") return 1;
	if (unit == "nm" || startsWith(unit, "nanom")) return 0.001;
	if (unit == "mm" || startsWith(unit, "millim")) return 1000;
	if (unit == "cm" || startsWith(unit, "centim")) return 10000;
	return 0;
}

// The names of the active image's channels: those given with commas, else what the image says, else
// C1, C2, and so on. Gives back what is wrong in the first entry, and "" there if nothing is.
function channelNames(wanted) {
	getDimensions(width, height, channels, slices, frames);
	result = newArray(channels + 1);
	result[0] = "";
	if (given(wanted)) {
		parts = split(wanted, ",");
		if (parts.length != channels) {
			result[0] = "the image has " + channels + " channels, and " + parts.length + " names are given";
			return result;
		}
		for (c = 1; c <= channels; c++) result[c] = String.trim(parts[c - 1]);
		return result;
	}
	usable = true;
	for (c = 1; c <= channels; c++) {
		if (nSlices > 1) Stack.setPosition(c, 1, 1);
		text = "" + getInfo("slice.label");
		if (indexOf(text, "\n") >= 0) text = substring(text, 0, indexOf(text, "\n"));
		// Bio-Formats writes: c:1/4 z:1/9 - DAPI
		text = replace(text, "^([czt]:[0-9]+/[0-9]+ *)+(- )?", "");
		text = String.trim(text);
		if (text == "" || text == "null" || (channels == 1 && text == getTitle())
				|| matches(toLowerCase(text), ".*[.]tiff?")) usable = false;
		for (k = 1; k < c; k++) {
			if (result[k] == text) usable = false;
		}
		result[c] = text;
	}
	if (!usable) {
		for (c = 1; c <= channels; c++) result[c] = "C" + c;
	}
	return result;
}

// A cell of a CSV file.
function cell(text) {
	text = "" + text;
	quote = fromCharCode(34);
	if (indexOf(text, quote) < 0 && indexOf(text, ",") < 0 && indexOf(text, "\n") < 0) return text;
	return quote + replace(text, quote, quote + quote) + quote;
}

// Undoes percent signs (%C3%A9 is an e with an accent), in which starbridge keeps texts in ROIs.
function decoded(text) {
	if (indexOf(text, "%") < 0) return text;
	return call("java.net.URLDecoder.decode", replace(text, "[+]", "%2B"), "UTF-8");
}

// Measures the overlay of the active image in every channel and writes a CSV file, a row a ROI.
// Gives back what went wrong.
function measureRois(path, labels, wantedNames) {
	problem = makeFolder(folderOf(path));
	if (problem != "") return problem;
	names = channelNames(wantedNames);
	if (names[0] != "") return names[0];
	image = getImageID();
	getDimensions(width, height, channels, slices, frames);
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	factor = micrometres(voxelUnit);
	if (factor == 0) factor = NaN;
	voxelWidth = voxelWidth * factor;
	voxelHeight = voxelHeight * factor;
	count = Overlay.size;
	heads = newArray(count);
	planes = newArray(count);
	used = newArray(slices * frames + 1);
	for (i = 0; i < count; i++) {
		Overlay.activateSelection(i);
		Roi.getPosition(c, z, t);
		z = minOf(maxOf(z, 1), slices);
		t = minOf(maxOf(t, 1), frames);
		planes[i] = (t - 1) * slices + z;
		used[planes[i]] += 1;
		roiName = Roi.getName;
		roiClass = Roi.getProperty("starbridge.class");
		roiClass = decoded(roiClass);
		heads[i] = "" + labels[i] + "," + cell(roiName) + "," + cell(roiClass) + "," + z + "," + t;
	}
	run("Select None");
	line = "labelimage_oid,name,class,slice,frame,Area_um2,Area_px,X_um,Y_um,X_px,Y_px,"
		+ "Perimeter_um,Perimeter_px,Circularity";
	for (c = 1; c <= channels; c++) {
		channel = names[c];
		line = line + "," + cell(channel + "_Mean") + "," + cell(channel + "_Min") + ","
			+ cell(channel + "_Max") + "," + cell(channel + "_StdDev") + "," + cell(channel + "_Median")
			+ "," + cell(channel + "_IntDen_um2") + "," + cell(channel + "_RawIntDen");
	}
	rows = newArray(count);
	if (count > 0) {
		Overlay.copy;
		Overlay.remove;
		// the ROIs wait on an image of their own, in the same planes
		newImage("starbridge-rois", "8-bit black", width, height, 1, slices, frames);
		carrier = getImageID();
		Overlay.paste;
		table = isOpen("Results");
		if (table) IJ.renameResults("Results", "starbridge-results");
		run("Set Measurements...",
			"area mean standard min centroid perimeter shape integrated median redirect=None decimal=9");
		for (p = 1; p <= slices * frames; p++) {
			all = used[p] == count;
			if (used[p] > 0) measurePlane(image, carrier, p, planes, all, voxelWidth, voxelHeight, rows);
		}
		if (table) IJ.renameResults("starbridge-results", "Results");
		selectImage(carrier);
		Overlay.copy;
		close();
		selectImage(image);
		Overlay.paste;
	}
	part = partOf(path);
	if (File.exists(part)) done = File.delete(part);
	file = File.open(part);
	print(file, line);
	for (i = 0; i < count; i++) print(file, heads[i] + rows[i]);
	File.close(file);
	problem = finish(part, path);
	return problem;
}

// Copies one plane of the active image; the copy becomes the active one.
function duplicatePlane(title, c, z, t) {
	// what Duplicate... calls a slice differs between stacks and hyperstacks
	if (nSlices > 1) Stack.setPosition(c, z, t);
	run("Duplicate...", "title=" + title);
}

// Measures the ROIs of one plane, in pixels, and writes the rest of their rows.
function measurePlane(image, carrier, plane, planes, all, voxelWidth, voxelHeight, rows) {
	selectImage(image);
	getDimensions(width, height, channels, slices, frames);
	z = 1 + (plane - 1) % slices;
	t = 1 + floor((plane - 1) / slices);
	mine = carrier;
	if (!all) {
		newImage("starbridge-some", "8-bit black", width, height, 1);
		mine = getImageID();
		for (i = 0; i < planes.length; i++) {
			if (planes[i] == plane) {
				selectImage(carrier);
				Overlay.activateSelection(i);
				run("Select None");
				selectImage(mine);
				run("Restore Selection");
				Overlay.addSelection;
			}
		}
		run("Select None");
	}
	selectImage(mine);
	Overlay.copy;
	for (c = 1; c <= channels; c++) {
		selectImage(image);
		duplicatePlane("starbridge-plane", c, z, t);
		// in pixels: areas in two units are made of it below
		run("Properties...", "channels=1 slices=1 frames=1 unit=pixel pixel_width=1 pixel_height=1"
			+ " voxel_depth=1 origin=0,0");
		Overlay.paste;
		Overlay.measure;
		close();
		row = 0;
		for (i = 0; i < planes.length; i++) {
			if (planes[i] == plane) {
				area = getResult("Area", row);
				if (c == 1) {
					x = getResult("X", row);
					y = getResult("Y", row);
					length = getResult("Perim.", row);
					// only square pixels have one length for all directions
					side = NaN;
					if (voxelWidth == voxelHeight) side = voxelWidth;
					rows[i] = "," + number(area * voxelWidth * voxelHeight) + "," + number(area)
						+ "," + number(x * voxelWidth) + "," + number(y * voxelHeight)
						+ "," + number(x) + "," + number(y)
						+ "," + number(length * side) + "," + number(length)
						+ "," + number(getResult("Circ.", row));
				}
				mean = getResult("Mean", row);
				rows[i] = rows[i] + "," + number(mean) + "," + number(getResult("Min", row))
					+ "," + number(getResult("Max", row)) + "," + number(getResult("StdDev", row))
					+ "," + number(getResult("Median", row))
					+ "," + number(mean * area * voxelWidth * voxelHeight)
					+ "," + number(getResult("RawIntDen", row));
				row++;
			}
		}
		clearResults();
	}
	if (!all) {
		selectImage(mine);
		close();
	}
}

// Empties the Results table and closes its window, if there is one.
function clearResults() {
	run("Clear Results");
	if (isOpen("Results")) {
		selectWindow("Results");
		run("Close");
	}
}

// A number with as many digits as matter; empty where there is none.
function number(value) {
	if (isNaN(value)) return "";
	if (value == floor(value)) return d2s(value, 0);
	return d2s(value, 6);
}
