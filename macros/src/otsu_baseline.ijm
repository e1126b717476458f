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
// Macro     run("otsu baseline", "image_file=a.tif result_folder=otsu");
// Python    with Fiji() as fiji:
//               fiji.run_macro("otsu_baseline.ijm", image_file="a.tif", result_folder="otsu")
// Headless  fiji --headless --run otsu_baseline.ijm 'image_file="a.tif",result_folder="otsu"'

var macroName = "otsu_baseline.ijm";

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file (empty: the active image)", "");
	nuclei_channel = wholeSetting(nuclei_channel, "Nuclei_channel (from 1)", 1, 1, 1/0);
	sigma = numberSetting(sigma, "Sigma (of the smoothing, in px)", 1.5, 0, 1/0);
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
if (!isGiven(image_file) && countImages() == 0) stop("no image; open one or choose a file");
enterBatchMode(show_labels);
name = inputName(image_file);
stopOn(openOrDuplicate(image_file));
if (isGiven(result_name)) name = "" + result_name;
if (bitDepth() == 24) run("Make Composite");
measured = getImageID();
stopOn(duplicateChannel(nuclei_channel, name));
if (sigma > 0 && nSlices > 1) run("Gaussian Blur...", "sigma=" + sigma + " stack");
if (sigma > 0 && nSlices == 1) run("Gaussian Blur...", "sigma=" + sigma);
thresholdMask(NaN);
labelMask(fill_holes, cut_apart, smallest, greatest, drop_border);
labelImage = getImageID();
stopOn(writeResults(measured, name, result_folder));
selectImage(labelImage);
count = Overlay.size;
showLabelImage(labelImage, name, show_labels);
if (!show_labels) labelImage = activeAtStart;
endMacro(labelImage);
return "" + count;
