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
// Macro     run("stardist haug2", "model_file=stardist_haug2.zip image_folder=sections result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("stardist_haug2.ijm",
//                              model_file="stardist_haug2.zip", image_folder="sections", result_folder="results")
// Headless  fiji --headless --run stardist_haug2.ijm 'model_file="stardist_haug2.zip",image_folder="sections",result_folder="results"'

var macroName = "stardist_haug2.ijm";

startMacro();
while (nextPass()) {
	model_file = fileSetting(model_file, "Model_file (.zip)", "");
	image_file = fileSetting(image_file, "Image_file", "");
	image_folder = folderSetting(image_folder, "Image_folder (or a folder of images)", "");
	result_folder = folderSetting(result_folder, "Result_folder (for lbl, roi and tables)", "");
	nuclei_channel = wholeSetting(nuclei_channel, "Nuclei_channel (from 1)", 1, 1, 1/0);
	percentile_low = numberSetting(percentile_low, "Percentile_low (becomes 0)", 0.2, 0, 100);
	percentile_high = numberSetting(percentile_high, "Percentile_high (becomes 1)", 99.8, 0, 100);
	prob_threshold = numberSetting(prob_threshold, "Prob_threshold (least probability)", 0.5104581312705648, 0, 1);
	nms_threshold = numberSetting(nms_threshold, "Nms_threshold (most overlap)", 0.3, 0, 1);
	tiles = wholeSetting(tiles, "Tiles (more if memory is short)", 1, 1, 1/0);
	border_width = wholeSetting(border_width, "Border_width (px; nearer centres are left out)", 2, 0, 1/0);
	overwrite = truthSetting(overwrite, "Overwrite (results that are there)", false);
}
if (!isGiven(result_folder)) stop("no folder for the results; choose one");
if (!isGiven(image_file) && !isGiven(image_folder)) stop("no image and no folder; choose one of them");
stopOn(checkInput(image_file, image_folder));
stopOn(checkModel(model_file));
if (percentile_low >= percentile_high) stop("the lower percentile is not below the upper one; give 0.2 and 99.8");
files = listImages(image_file, image_folder);
if (files.length == 0) stop(image_folder + " has no TIFF images; choose another folder");
if (!hasStarDist()) {
	stop("this ImageJ has no StarDist plugin; use Fiji with the update sites CSBDeep, StarDist and"
		+ " TensorFlow, or starbridge_segment.ijm, which needs neither");
}
settings = starDistSettings(model_file, percentile_low, percentile_high, prob_threshold, nms_threshold,
	tiles, border_width);
failures = "";
failed = 0;
for (f = 0; f < files.length; f++) {
	print("image " + (f + 1) + " of " + files.length + ": " + files[f]);
	problem = segmentFile(files[f], nuclei_channel, settings, result_folder, overwrite);
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
