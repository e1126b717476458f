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
