// The command starbridge, run outside ImageJ.

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
