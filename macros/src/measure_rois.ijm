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
// Macro     run("measure rois", "imageFile=a.tif roiFile=roi/a_rois.zip tableFolder=tables");
// Python    with Fiji() as fiji:
//               fiji.run_macro("measure_rois.ijm",
//                              imageFile="a.tif", roiFile="roi/a_rois.zip", tableFolder="tables")
// Headless  fiji --headless --run measure_rois.ijm 'imageFile="a.tif",roiFile="roi/a_rois.zip",tableFolder="tables"'

#@ File (label="Image (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ File (label="RoiSet.zip (empty: the active image's overlay, or the ROI Manager)", style="open", required=false, persist=false) roiFile
#@ String (label="Names of the channels, with commas (empty: those in the image)", value="", required=false, persist=false) channelList
#@ File (label="Folder for NAME_table.csv", style="directory", persist=false) tableFolder

var macroName = "measure_rois.ijm";

startMacro();
if (!isGiven(tableFolder)) stop("no folder for the table; choose one");
if (!isGiven(imageFile) && nImages == 0) stop("no image; open one or choose a file");
enterBatchMode(false);
name = inputName(imageFile);
stopOn(openOrDuplicate(imageFile));
if (bitDepth() == 24) run("Make Composite");
stopOn(gatherRois(roiFile));
getDimensions(width, height, channels, slices, frames);
labels = assignLabels(slices, frames);
table = joinPath(tableFolder, name + "_table.csv");
stopOn(measureRois(table, labels, channelList));
print("wrote " + table);
endMacro(activeAtStart);
return table;
