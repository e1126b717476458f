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
// Macro     run("starbridge segment", "image_file=a.tif result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("starbridge_segment.ijm", image_file="a.tif", result_folder="results")
// Headless  fiji --headless --run starbridge_segment.ijm 'image_file="a.tif",result_folder="results"'

var macroName = "starbridge_segment.ijm";

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file", "");
	image_folder = folderSetting(image_folder, "Image_folder (or a folder of images; both empty: the active image)", "");
	model_path = textSetting(model_path, "Model_path (StarDist model folder, or demo)", "demo");
	nuclei_channel = textSetting(nuclei_channel, "Nuclei_channel (name, or number from 0; empty: the model's)", "");
	result_folder = folderSetting(result_folder, "Result_folder", "");
	overwrite = truthSetting(overwrite, "Overwrite (results that are there)", false);
	show_results = truthSetting(show_results, "Show_results", true);
	command_path = textSetting(command_path, "Command_path (starbridge, if need be with its folder)", "starbridge");
}
if (!isGiven(result_folder)) stop("no folder for the results; choose one");
stopOn(checkInput(image_file, image_folder));
if (!isGiven(command_path)) stop("the command is empty; give starbridge, or its whole path");
if (!isGiven(model_path)) stop("no model; give a StarDist model folder, or demo");
isActiveImage = false;
if (!isGiven(image_file) && !isGiven(image_folder)) isActiveImage = true;
if (isActiveImage && countImages() == 0) stop("no image; open one, or choose an image or a folder");
stopOn(makeFolder(result_folder));
input = "" + image_file;
if (isGiven(image_folder)) input = "" + image_folder;
if (isActiveImage) input = saveCopy();
files = newArray(input);
if (isGiven(image_folder)) files = listImages("", image_folder);

print("starbridge segments " + input + "; this can take minutes");
words = newArray(command_path, "segment", input, "--model", "" + model_path, "--out", "" + result_folder);
if ("" + nuclei_channel != "") words = Array.concat(words, "--channel", "" + nuclei_channel);
if (overwrite) words = Array.concat(words, "--overwrite");
output = runCommand(words);
if (isActiveImage) deleteWithFolder(input);
missing = findMissingResults(files, result_folder);
stopOn(commandProblem(command_path, output, missing));

labelImage = 0;
if (show_results && files.length == 1) {
	enterBatchMode(true);
	stopOn(showResult(input, result_folder));
	labelImage = getImageID();
}
endMacro(labelImage);
return "" + files.length;
