// stardist_haug2.ijm: finds nuclei with Fiji's StarDist plugin and the model stardist_haug2.
//
// The model's recipe is filled in: channel 1, percentiles 0.2 and 99.8, its thresholds. For one image
// or all TIFFs of a folder; stacks are done plane by plane, and labels count on through the planes.
// An image that fails does not stop the others and is named at the end.
//
// Needs   Fiji with the update sites CSBDeep, StarDist and TensorFlow, and the model as a zip:
//         starbridge export stardist_haug2 --to tf1.15
//         Without a window also Fiji's JavaScript. No more than 65,534 nuclei in a plane: the plugin
//         counts no further. Other models work with other settings; the plugin reads none from the zip.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv for each image; see
//         measure_rois.ijm for the columns. The outlines are those of the label image, pixel by pixel.
//
// Menu      Plugins > StarBridge > stardist haug2, after: starbridge fiji install
// Macro     run("stardist haug2", "modelFile=stardist_haug2.zip imageFolder=sections resultFolder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("stardist_haug2.ijm",
//                              modelFile="stardist_haug2.zip", imageFolder="sections", resultFolder="results")
// Headless  fiji --headless --run stardist_haug2.ijm 'modelFile="stardist_haug2.zip",imageFolder="sections",resultFolder="results"'

#@ File (label="Model (.zip)", style="open", persist=false) modelFile
#@ File (label="One image", style="open", required=false, persist=false) imageFile
#@ File (label="or a folder of images", style="directory", required=false, persist=false) imageFolder
#@ File (label="Folder for lbl, roi and tables", style="directory", persist=false) resultFolder
#@ Integer (label="Channel of the nuclei, from 1", value=1, min=1, persist=false) nucleiChannel
#@ Double (label="Percentile that becomes 0", value=0.2, min=0, max=100, persist=false) percentileLow
#@ Double (label="Percentile that becomes 1", value=99.8, min=0, max=100, persist=false) percentileHigh
#@ Double (label="Probability threshold", value=0.5104581312705648, min=0, max=1, persist=false) probThreshold
#@ Double (label="Overlap threshold (NMS)", value=0.3, min=0, max=1, persist=false) nmsThreshold
#@ Integer (label="Tiles (more if memory is short)", value=1, min=1, persist=false) tiles
#@ Integer (label="Leave out centres nearer to the border than (px)", value=2, min=0, persist=false) borderWidth
#@ Boolean (label="Do images again that have results", value=false, persist=false) overwrite

var macroName = "stardist_haug2.ijm";

startMacro();
if (!isGiven(resultFolder)) stop("no folder for the results; choose one");
if (!isGiven(imageFile) && !isGiven(imageFolder)) stop("no image and no folder; choose one of them");
stopOn(checkInput(imageFile, imageFolder));
stopOn(checkModel(modelFile));
if (percentileLow >= percentileHigh) stop("the lower percentile is not below the upper one; give 0.2 and 99.8");
files = listImages(imageFile, imageFolder);
if (files.length == 0) stop(imageFolder + " has no TIFF images; choose another folder");
if (!hasStarDist()) {
	stop("this ImageJ has no StarDist plugin; use Fiji with the update sites CSBDeep, StarDist and"
		+ " TensorFlow, or starbridge_segment.ijm, which needs neither");
}
settings = starDistSettings(modelFile, percentileLow, percentileHigh, probThreshold, nmsThreshold,
	tiles, borderWidth);
failures = "";
failed = 0;
for (f = 0; f < files.length; f++) {
	print("image " + (f + 1) + " of " + files.length + ": " + files[f]);
	problem = segmentFile(files[f], nucleiChannel, settings, resultFolder, overwrite);
	if (problem != "") {
		failed++;
		print("FAILED: " + problem);
		failures = failures + "; " + problem;
	}
	closeOwnImages();
	// the plugin's label image can be selected only outside batch mode
	if (!inBatchMode) setBatchMode(false);
}
if (failed > 0) stop("" + failed + " of " + files.length + " images failed" + failures);
restoreSettings();
return "" + files.length;
