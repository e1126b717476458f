// Paths, folders, and files that appear only when they are complete.

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
