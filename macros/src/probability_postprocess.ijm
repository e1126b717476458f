// probability_postprocess.ijm: makes objects of a probability map (ilastik, StarDist, any other).
//
// Threshold, fill holes, watershed, Analyze Particles, as one does it by hand in ImageJ, and plane by
// plane in a stack. Touching objects are cut where they are narrow, which is often wrong: compare with
// stardist_haug2.ijm.
//
// Needs   a probability map: 32-bit from 0 to 1, 8-bit from 0 to 255, or 16-bit from 0 to 65,535; a
//         file, or the active image. If you like, the raw image, to be measured in its place.
//         ImageJ 1.53t or later; no plugin.
// Writes  lbl/NAME_labels.tif, roi/NAME_rois.zip and tables/NAME_table.csv into a folder; see
//         measure_rois.ijm for the columns. The ROIs go to the ROI Manager, too, or become the label
//         image's overlay where there is no window.
//
// Menu      Plugins > StarBridge > probability postprocess, after: starbridge fiji install
// Macro     run("probability postprocess", "map_file=a_Probabilities.tif image_file=a.tif result_name=a result_folder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("probability_postprocess.ijm",
//                              map_file="a_Probabilities.tif", image_file="a.tif", result_name="a", result_folder="results")
// Headless  fiji --headless --run probability_postprocess.ijm 'map_file="a_Probabilities.tif",result_folder="results"'

var macroName = "probability_postprocess.ijm";

startMacro();
while (nextPass()) {
	map_file = fileSetting(map_file, "Map_file (probabilities; empty: the active image)", "");
	map_channel = wholeSetting(map_channel, "Map_channel (from 1)", 1, 1, 1/0);
	cutoff = numberSetting(cutoff, "Cutoff (least probability of an object)", 0.5, 0, 1);
	image_file = fileSetting(image_file, "Image_file (to measure; empty: the probability map)", "");
	result_name = textSetting(result_name, "Result_name (empty: the image's)", "");
	result_folder = folderSetting(result_folder, "Result_folder (for lbl, roi and tables)", "");
	fill_holes = truthSetting(fill_holes, "Fill_holes", true);
	cut_apart = truthSetting(cut_apart, "Cut_apart (touching objects, by watershed)", true);
	smallest = numberSetting(smallest, "Smallest (object in px)", 30, 0, 1/0);
	greatest = numberSetting(greatest, "Greatest (object in px; 0: any)", 0, 0, 1/0);
	drop_border = truthSetting(drop_border, "Drop_border (leave out objects that touch it)", false);
	show_labels = truthSetting(show_labels, "Show_labels", true);
}
if (!isGiven(result_folder)) stop("no folder for the results; choose one");
if (!isGiven(map_file) && countImages() == 0) stop("no probability map; open one or choose a file");
enterBatchMode(show_labels);
name = inputName(map_file);
stopOn(openOrDuplicate(map_file));
map = getImageID();
measured = map;
if (isGiven(image_file)) {
	stopOn(openImage(image_file));
	measured = getImageID();
	name = inputName(image_file);
	if (!isSameSize(measured, map)) {
		stop(image_file + " has another size than the probability map; choose the image it was made of");
	}
}
if (isGiven(result_name)) name = "" + result_name;
selectImage(map);
if (bitDepth() == 24) stop(name + " is a colour image; a probability map has one number a pixel");
full = 1;
if (bitDepth() == 8) full = 255;
if (bitDepth() == 16) full = 65535;
stopOn(duplicateChannel(map_channel, name));
if (full == 1) stopOn(checkProbabilities(name));
thresholdMask(cutoff * full);
labelMask(fill_holes, cut_apart, smallest, greatest, drop_border);
labelImage = getImageID();
stopOn(writeResults(measured, name, result_folder));
selectImage(labelImage);
count = Overlay.size;
showLabelImage(labelImage, name, show_labels);
if (!show_labels) labelImage = activeAtStart;
endMacro(labelImage);
return "" + count;
