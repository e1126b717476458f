// stardist_haug2.ijm: finds nuclei with Fiji's StarDist plugin and the model of the same name.
//
// The model's recipe is filled in below: channels, percentiles, thresholds, pixel size. For one image, all
// TIFFs of a folder, or the active image; stacks are done plane by plane, and labels count on through the
// planes. Each plane is normalised as in StarDist; an image of another known pixel size than the model's
// is scaled for the network, and its labels are brought back to the image's size. An image that fails
// does not stop the others and is named at the end.
//
// Needs   Fiji with the update sites CSBDeep, StarDist and TensorFlow, and the model as a zip:
//         starbridge export MODEL --to tf1.15
//         No more than 65,534 nuclei in a plane: the plugin counts no further. It reads no settings
//         from the zip.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv for each image; see
//         measure_rois.ijm for the columns. The outlines are those of the label image, pixel by pixel.
//         Of the active image only if a folder is given; its label image stays open.
//
// Menu      Plugins > StarBridge > stardist haug2, after: starbridge fiji install
// Macro     run("stardist haug2", "model_file=MODEL.zip image_folder=sections result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("stardist_haug2.ijm",
//                              model_file="MODEL.zip", image_folder="sections", result_folder="results")
// Headless  fiji --headless --run stardist_haug2.ijm 'model_file="MODEL.zip",image_folder="sections",result_folder="results"'

var macroName = "stardist_haug2.ijm";

startMacro();
while (nextPass()) {
	model_file = fileSetting(model_file, "Model_file (.zip)", "");
	image_file = fileSetting(image_file, "Image_file", "");
	image_folder = folderSetting(image_folder, "Image_folder (both empty: the active image)", "");
	result_folder = folderSetting(result_folder, "Result_folder (for lbl, roi and tables)", "");
	input_channels = textSetting(input_channels, "Input_channels (from 1, or names; with commas)", "1");
	normalize_each = truthSetting(normalize_each, "Normalize_each (channel; no: all together)", true);
	percentile_low = numberSetting(percentile_low, "Percentile_low (becomes 0)", 0.2, 0, 100);
	percentile_high = numberSetting(percentile_high, "Percentile_high (becomes 1)", 99.8, 0, 100);
	prob_threshold = numberSetting(prob_threshold, "Prob_threshold (least probability)", 0.5104581312705648, 0, 1);
	nms_threshold = numberSetting(nms_threshold, "Nms_threshold (most overlap)", 0.3, 0, 1);
	pixel_size = numberSetting(pixel_size, "Pixel_size (um, of the model; 0: as the image)", 0, 0, 1/0);
	tiles = wholeSetting(tiles, "Tiles (more if memory is short)", 1, 1, 1/0);
	border_width = wholeSetting(border_width, "Border_width (px; nearer centres are left out)", 2, 0, 1/0);
	overwrite = truthSetting(overwrite, "Overwrite (results that are there)", false);
}
isActiveImage = false;
if (!isGiven(image_file) && !isGiven(image_folder)) isActiveImage = true;
if (isActiveImage && countImages() == 0) stop("no image; open one, or choose an image or a folder");
if (!isActiveImage && !isGiven(result_folder)) stop("no folder for the results; choose one");
stopOn(checkInput(image_file, image_folder));
model = findModel(model_file);
stopOn(checkModel(model));
if (percentile_low >= percentile_high) stop("the lower percentile is not below the upper one; give 0.2 and 99.8");
files = newArray("");
if (!isActiveImage) files = listImages(image_file, image_folder);
if (files.length == 0) stop(image_folder + " has no TIFF images; choose another folder");
if (!hasStarDist()) {
	stop("this ImageJ has no StarDist plugin; use Fiji with the update sites CSBDeep, StarDist and"
		+ " TensorFlow, or starbridge_segment.ijm, which needs neither");
}
recipe = inputRecipe(input_channels, normalize_each, percentile_low, percentile_high, pixel_size);
settings = starDistSettings(model, prob_threshold, nms_threshold, tiles, border_width);
failures = "";
failed = 0;
for (f = 0; f < files.length; f++) {
	if (!isActiveImage) print("image " + (f + 1) + " of " + files.length + ": " + files[f]);
	problem = segmentImage(files[f], recipe, settings, result_folder, overwrite);
	if (problem != "") {
		failed++;
		print("FAILED: " + problem);
		failures = failures + "; " + problem;
	}
	labelImage = 0;
	if (isActiveImage && problem == "") labelImage = getImageID();
	closeOwnImages();
	// the plugin's label image can be selected only outside batch mode
	if (!inBatchMode) setBatchMode("exit and display");
}
if (failed > 0 && isActiveImage) stop(problem);
if (failed > 0) stop("" + failed + " of " + files.length + " images failed" + failures);
restoreSettings();
if (labelImage != 0) selectImage(labelImage);
return "" + files.length;
