// otsu_baseline.ijm: finds nuclei as one did before deep learning, to show what that misses.
//
// Gaussian blur, Otsu's threshold for each plane, fill holes, watershed, Analyze Particles. Nuclei that
// touch or are dim get lost or merged: compare the table with that of stardist_haug2.ijm.
//
// Needs   an image with bright nuclei on dark ground (a file, or the active one). ImageJ 1.53t or
//         later; no plugin.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv into a folder; see
//         measure_rois.ijm for the columns. The ROIs go to the ROI Manager, too, or become the label
//         image's overlay where there is no window.
//
// Menu      Plugins > StarBridge > otsu baseline, after: starbridge fiji install
// Macro     run("otsu baseline", "imageFile=a.tif resultFolder=otsu");
// Python    with Fiji() as fiji:
//               fiji.run_macro("otsu_baseline.ijm", imageFile="a.tif", resultFolder="otsu")
// Headless  fiji --headless --run otsu_baseline.ijm 'imageFile="a.tif",resultFolder="otsu"'

#@ File (label="Image (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ Integer (label="Channel of the nuclei, from 1", value=1, min=1, persist=false) nucleiChannel
#@ Double (label="Smooth by (sigma in px)", value=1.5, min=0, persist=false) sigma
#@ String (label="Name of the results (empty: the image's)", value="", required=false, persist=false) resultName
#@ File (label="Folder for lbl, roi and tables", style="directory", persist=false) resultFolder
#@ Boolean (label="Fill holes", value=true, persist=false) fillHoles
#@ Boolean (label="Cut touching objects apart (watershed)", value=true, persist=false) cutApart
#@ Double (label="Smallest object (px)", value=30, min=0, persist=false) smallest
#@ Double (label="Largest object (px; 0: any)", value=0, min=0, persist=false) greatest
#@ Boolean (label="Leave out objects at the border", value=false, persist=false) dropBorder
#@ Boolean (label="Show the label image", value=true, persist=false) showLabels

var macroName = "otsu_baseline.ijm";
var imagesBefore = newArray(0);

begin();
if (!given(resultFolder)) stop("no folder for the results; choose one");
if (!given(imageFile) && nImages == 0) stop("no image; open one or choose a file");
outerBatch = is("Batch Mode");
original = 0;
if (nImages > 0) original = getImageID();
if (hasWindow() && showLabels && !outerBatch) run("ROI Manager...");
setBatchMode(true);
if (given(imageFile)) {
	problem = openImage(imageFile);
	if (problem != "") stop(problem);
	name = nameOf(imageFile);
} else {
	name = nameOf(getTitle());
	run("Select None");
	run("Duplicate...", "title=starbridge-image duplicate");
}
if (given(resultName)) name = "" + resultName;
if (bitDepth() == 24) run("Make Composite");
measured = getImageID();
getDimensions(imageWidth, imageHeight, imageChannels, slices, frames);
if (nucleiChannel > imageChannels) stop(name + " has no channel " + nucleiChannel + "; it has " + imageChannels);
Overlay.remove;
run("Duplicate...", "title=starbridge-mask duplicate channels=" + nucleiChannel);
setOption("BlackBackground", true);
if (bitDepth() != 32) run("32-bit");
if (sigma > 0 && nSlices > 1) run("Gaussian Blur...", "sigma=" + sigma + " stack");
if (sigma > 0 && nSlices == 1) run("Gaussian Blur...", "sigma=" + sigma);
thresholdMask(NaN);
objectsOfMask(fillHoles, cutApart, smallest, greatest, dropBorder);
labelImage = getImageID();
problem = writeResults(labelImage, measured, name, resultFolder);
if (problem != "") stop(problem);
selectImage(labelImage);
count = Overlay.size;
if (showLabels) {
	rename(name + "_labels.tif");
	keepImage(labelImage);
	if (hasWindow() && count > 0) showInManager();
}
closeOwnImages();
if (showLabels) selectImage(labelImage);
else if (original != 0) selectImage(original);
restoreSettings();
if (!outerBatch) setBatchMode("exit and display");
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

// Whether the active image can be a label image; gives back what is wrong with it.
function notLabels(name) {
	getDimensions(width, height, channels, slices, frames);
	if (bitDepth() == 24) return name + " is a colour image; a label image has one number a pixel";
	if (channels > 1) return name + " has " + channels + " channels; a label image has one";
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (nSlices > 1) setSlice(p);
		getRawStatistics(count, mean, least, most);
		if (isNaN(least) || least < 0) {
			return name + " has pixels below 0 or without a number; labels are 0, 1, 2, and so on";
		}
		largest = maxOf(largest, most);
	}
	if (largest > 1000000) {
		return name + " has labels above 1,000,000, too many for a macro; use the command"
			+ " starbridge convert";
	}
	return "";
}

// Traces every label of the active image along the edges of its pixels, into its overlay.
// Each ROI has the label as its name and in its properties, and in a stack its plane.
// Gives back what is wrong with the image, or "".
function traceLabels(name) {
	setKeyDown("none");
	run("Select None");
	Overlay.remove;
	problem = notLabels(name);
	if (problem != "") return problem;
	getDimensions(width, height, channels, slices, frames);
	labels = getImageID();
	stack = nSlices > 1;
	largest = 0;
	for (p = 1; p <= nSlices; p++) {
		if (stack) setSlice(p);
		resetThreshold;
		getRawStatistics(area, mean, least, most);
		largest = maxOf(largest, most);
	}
	digits = maxOf(4, lengthOf("" + largest));
	planes = newArray(largest + 1);
	for (p = 1; p <= nSlices; p++) {
		if (stack) setSlice(p);
		// One pass finds how many pixels each label has, its box, and a pixel of it in its first row.
		pixels = newArray(largest + 1);
		left = newArray(largest + 1);
		right = newArray(largest + 1);
		top = newArray(largest + 1);
		bottom = newArray(largest + 1);
		seed = newArray(largest + 1);
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
							seed[label] = start;
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
		frame = 1 + floor((p - 1) / slices);
		slice = 1 + (p - 1) % slices;
		for (label = 1; label <= largest; label++) {
			if (pixels[label] > 0) {
				doWand(seed[label], top[label], 0, "4-connected");
				getRawStatistics(area, mean, least, most);
				if (area != pixels[label] || least != most) {
					// A hole, or several pieces: cut its box out and take what has this value there.
					// The overlay stays out of it, because Duplicate would look at each ROI.
					kept = Overlay.size;
					if (kept > 0) {
						Overlay.copy;
						Overlay.remove;
					}
					makeRectangle(left[label], top[label], right[label] - left[label] + 1,
						bottom[label] - top[label] + 1);
					run("Duplicate...", "title=starbridge-label");
					setThreshold(label, label);
					run("Create Selection");
					run("Select None");
					close();
					selectImage(labels);
					run("Restore Selection");
					Roi.move(left[label], top[label]);
					if (kept > 0) Overlay.paste;
				}
				planes[label] += 1;
				roiName = "" + label;
				while (lengthOf(roiName) < digits) roiName = "0" + roiName;
				if (planes[label] > 1) roiName = roiName + "-" + planes[label];
				Roi.setName(roiName);
				Roi.setProperty("starbridge.id", call("java.util.UUID.randomUUID"));
				Roi.setProperty("starbridge.label", "" + label);
				Roi.setProperty("starbridge.roi_name", roiName);
				if (stack) Roi.setPosition(0, slice, frame);
				Overlay.addSelection;
			}
		}
	}
	run("Select None");
	return "";
}

// Saves the overlay of the active image as a RoiSet.zip; gives back what went wrong.
function saveRois(path) {
	problem = makeFolder(folderOf(path));
	if (problem != "") return problem;
	part = partOf(path);
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.save", part);
	} else if (hasWindow()) {
		problem = saveRoisByManager(part);
	} else {
		problem = runJavaScript("var overlay = image.getOverlay(), used = {};"
			+ "var count = overlay == null ? 0 : overlay.size();"
			+ "var zip = new Packages.java.util.zip.ZipOutputStream("
			+ "new Packages.java.io.BufferedOutputStream(new Packages.java.io.FileOutputStream(path)));"
			+ "try { zip.setLevel(1); for (var i = 0; i < count; i++) { var roi = overlay.get(i);"
			+ "var name = String(roi.getName() == null ? 'ROI ' + (i + 1) : roi.getName())"
			+ ".replace(/[\\x00-\\x1f<>:\\x22\\/\\\\|?*]/g, '_').replace(/\\.roi$/i, '');"
			+ "var unique = name, again = 1;"
			+ "while (used['/' + unique.toLowerCase()]) unique = name + '-' + (++again);"
			+ "used['/' + unique.toLowerCase()] = true;"
			+ "zip.putNextEntry(new Packages.java.util.zip.ZipEntry(unique + '.roi'));"
			+ "var bytes = Packages.ij.io.RoiEncoder.saveAsByteArray(roi);"
			+ "zip.write(bytes, 0, bytes.length); zip.closeEntry(); } } finally { zip.close(); }", part);
	}
	if (problem != "") return path + " could not be written (" + problem + ")";
	problem = finish(part, path);
	return problem;
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

// Saves the overlay by way of the ROI Manager, which keeps what it held; gives back what went wrong.
function saveRoisByManager(path) {
	if (Overlay.size == 0) return "there are no ROIs to save";
	kept = emptyManager();
	showInManager();
	roiManager("deselect");
	roiManager("save", path);
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

// Writes what every segmentation leaves, as haug2 names it: lbl/NAME_labels.tif, roi/NAME_rois.zip and
// tables/NAME_table.csv with the measurements of an image. Gives back what went wrong.
function writeResults(labelImage, measured, name, folder) {
	selectImage(labelImage);
	path = inFolder(inFolder(folder, "lbl"), name + "_labels.tif");
	problem = saveTiff(path);
	if (problem != "") return problem;
	print("wrote " + path);
	problem = traceLabels(path);
	if (problem != "") return problem;
	if (Overlay.size == 0) print("no objects in " + name);
	path = inFolder(inFolder(folder, "roi"), name + "_rois.zip");
	if (Overlay.size > 0) {
		problem = saveRois(path);
		if (problem != "") return problem;
		print("wrote " + path);
	} else if (File.exists(path)) {
		// the ROIs of an earlier run would pass for this one's
		done = File.delete(path);
	}
	objectLabels = labelsOfRois();
	if (Overlay.size > 0) copyOverlay(labelImage, measured);
	else selectImage(measured);
	path = inFolder(inFolder(folder, "tables"), name + "_table.csv");
	problem = measureRois(path, objectLabels, "");
	if (problem != "") return problem;
	print("wrote " + path);
	return "";
}

// Makes the active 32-bit image, also a stack, a mask of what is at least a value; without one (NaN),
// Otsu's method finds it for each plane.
function thresholdMask(value) {
	source = getImageID();
	title = getTitle();
	getDimensions(width, height, channels, slices, frames);
	getVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	newImage(title, "8-bit black", width, height, 1, slices, frames);
	setVoxelSize(voxelWidth, voxelHeight, voxelDepth, voxelUnit);
	mask = getImageID();
	for (p = 1; p <= slices * frames; p++) {
		selectImage(source);
		if (nSlices > 1) setSlice(p);
		run("Select None");
		getRawStatistics(pixels, mean, least, most);
		low = value;
		empty = least == most && isNaN(value);
		if (isNaN(value) && !empty) {
			resetMinAndMax;
			setAutoThreshold("Otsu dark");
			getThreshold(low, high);
			resetThreshold;
		}
		if (!empty && most >= low) {
			setThreshold(low, maxOf(most, low) + 1);
			run("Create Selection");
			resetThreshold;
			run("Select None");
			selectImage(mask);
			if (nSlices > 1) setSlice(p);
			run("Restore Selection");
			setColor(255);
			fill();
			run("Select None");
		}
	}
	selectImage(source);
	close();
	selectImage(mask);
	if (nSlices > 1) setSlice(1);
}

// Makes a label image of the active mask (8-bit, objects 255), also of a stack, plane by plane. It
// becomes the active image; sizes are in pixels, and a largest size of 0 means any.
function objectsOfMask(fillThem, cutThem, least, most, withoutRim) {
	mask = getImageID();
	getDimensions(width, height, channels, slices, frames);
	stack = "";
	if (nSlices > 1) stack = " stack";
	if (fillThem) run("Fill Holes", stack);
	if (cutThem) run("Watershed", stack);
	largest = "Infinity";
	if (most > 0) largest = "" + most;
	exclude = "";
	if (withoutRim) exclude = " exclude";
	Overlay.remove;
	run("Analyze Particles...", "size=" + least + "-" + largest + " pixel show=Overlay" + exclude + stack);
	clearResults();
	count = Overlay.size;
	numbers = newArray(count);
	for (i = 0; i < count; i++) {
		numbers[i] = i + 1;
		Overlay.activateSelection(i);
		if (nSlices > 1) {
			place = getSliceNumber();
			Roi.setPosition(0, 1 + (place - 1) % slices, 1 + floor((place - 1) / slices));
		}
	}
	run("Select None");
	drawLabels(numbers, slices, frames);
	labelImage = getImageID();
	// an outline takes its holes along; the mask takes them out again
	selectImage(mask);
	Overlay.remove;
	run("Divide...", "value=255" + stack);
	imageCalculator("Multiply" + stack, labelImage, mask);
	selectImage(mask);
	close();
	selectImage(labelImage);
	resetMinAndMax;
}
