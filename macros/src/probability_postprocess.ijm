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
// Macro     run("probability postprocess", "mapFile=a_Probabilities.tif imageFile=a.tif resultName=a resultFolder=results");
// Python    with Fiji() as fiji:
//               fiji.run_macro("probability_postprocess.ijm",
//                              mapFile="a_Probabilities.tif", imageFile="a.tif", resultName="a", resultFolder="results")
// Headless  fiji --headless --run probability_postprocess.ijm 'mapFile="a_Probabilities.tif",resultFolder="results"'

#@ File (label="Probability map (empty: the active image)", style="open", required=false, persist=false) mapFile
#@ Integer (label="Its channel, from 1", value=1, min=1, persist=false) mapChannel
#@ Double (label="An object is where the probability is at least", value=0.5, min=0, max=1, persist=false) cutoff
#@ File (label="Image to measure (empty: the probability map)", style="open", required=false, persist=false) imageFile
#@ String (label="Name of the results (empty: the image's)", value="", required=false, persist=false) resultName
#@ File (label="Folder for lbl, roi and tables", style="directory", persist=false) resultFolder
#@ Boolean (label="Fill holes", value=true, persist=false) fillHoles
#@ Boolean (label="Cut touching objects apart (watershed)", value=true, persist=false) cutApart
#@ Double (label="Smallest object (px)", value=30, min=0, persist=false) smallest
#@ Double (label="Largest object (px; 0: any)", value=0, min=0, persist=false) greatest
#@ Boolean (label="Leave out objects at the border", value=false, persist=false) dropBorder
#@ Boolean (label="Show the label image", value=true, persist=false) showLabels

var macroName = "probability_postprocess.ijm";

startMacro();
if (!isGiven(resultFolder)) stop("no folder for the results; choose one");
if (!isGiven(mapFile) && nImages == 0) stop("no probability map; open one or choose a file");
enterBatchMode(showLabels);
name = inputName(mapFile);
stopOn(openOrDuplicate(mapFile));
map = getImageID();
measured = map;
if (isGiven(imageFile)) {
	stopOn(openImage(imageFile));
	measured = getImageID();
	name = inputName(imageFile);
	if (!isSameSize(measured, map)) {
		stop(imageFile + " has another size than the probability map; choose the image it was made of");
	}
}
if (isGiven(resultName)) name = "" + resultName;
selectImage(map);
if (bitDepth() == 24) stop(name + " is a colour image; a probability map has one number a pixel");
full = 1;
if (bitDepth() == 8) full = 255;
if (bitDepth() == 16) full = 65535;
stopOn(duplicateChannel(mapChannel, name));
if (full == 1) stopOn(checkProbabilities(name));
thresholdMask(cutoff * full);
labelMask(fillHoles, cutApart, smallest, greatest, dropBorder);
labelImage = getImageID();
stopOn(writeResults(measured, name, resultFolder));
selectImage(labelImage);
count = Overlay.size;
showLabelImage(labelImage, name, showLabels);
if (!showLabels) labelImage = activeAtStart;
endMacro(labelImage);
return "" + count;
