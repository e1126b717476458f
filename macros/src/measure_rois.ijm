// measure_rois.ijm: measures every ROI in every channel, into a table for ilastik, R or Excel.
//
// Needs   an image (a file, or the active one) and its ROIs: a RoiSet.zip, else the overlay of the
//         active image, else the ROI Manager. ImageJ 1.53t or later; no plugin.
// Writes  NAME_table.csv, a row a ROI:
//           labelimage_oid   the label, as in lbl/NAME_labels.tif and in ilastik's table
//           name, class      of the ROI; slice and frame from 1
//           Area_um2, X_um, Y_um, Perimeter_um and the same in px (X, Y: centroid, from the corner
//             of the first pixel); the former are empty where the image has no pixel size
//           Circularity      4 pi Area / Perimeter^2
//           CHANNEL_Mean, _Min, _Max, _StdDev, _Median: grey values of the image
//           CHANNEL_IntDen_um2 (mean times area), CHANNEL_RawIntDen (sum of the pixels)
//
// Menu      Plugins > StarBridge > measure rois, after: starbridge fiji install
// Macro     run("measure rois", "image_file=a.tif roi_file=roi/a_rois.zip table_folder=tables");
// Python    with Fiji() as fiji:
//               fiji.run_macro("measure_rois.ijm",
//                              image_file="a.tif", roi_file="roi/a_rois.zip", table_folder="tables")
// Headless  fiji --headless --run measure_rois.ijm 'image_file="a.tif",roi_file="roi/a_rois.zip",table_folder="tables"'

var macroName = "measure_rois.ijm";

startMacro();
while (nextPass()) {
	image_file = fileSetting(image_file, "Image_file (empty: the active image)", "");
	roi_file = fileSetting(roi_file, "Roi_file (RoiSet.zip; empty: overlay or ROI Manager)", "");
	channel_list = textSetting(channel_list, "Channel_list (with commas; empty: those in the image)", "");
	table_folder = folderSetting(table_folder, "Table_folder (for NAME_table.csv)", "");
}
if (!isGiven(table_folder)) stop("no folder for the table; choose one");
if (!isGiven(image_file) && countImages() == 0) stop("no image; open one or choose a file");
enterBatchMode(false);
name = inputName(image_file);
stopOn(openOrDuplicate(image_file));
if (bitDepth() == 24) run("Make Composite");
stopOn(gatherRois(roi_file));
getDimensions(width, height, channels, slices, frames);
labels = assignLabels(slices, frames);
table = joinPath(table_folder, name + "_table.csv");
stopOn(measureRois(table, labels, channel_list));
print("wrote " + table);
endMacro(activeAtStart);
return table;
