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
// Macro     run("otsu baseline", "imageFile=a.tif resultFolder=otsu");
// Python    with Fiji() as fiji:
//               fiji.run_macro("otsu_baseline.ijm", imageFile="a.tif", resultFolder="otsu")
// Headless  fiji --headless --run otsu_baseline.ijm 'imageFile="a.tif",resultFolder="otsu"'

#@ File (label="Image (empty: the active image)", style="open", required=false, persist=false) imageFile
#@ Integer (label="Channel of the nuclei, from 1", value=1, min=1, persist=false) nucleiChannel
#@ Double (label="Smooth by (sigma in px)", value=1.5, min=0, persist=false) sigma
#@ String (label="Name of the results (empty: the image's)", value="", required=false, persist=false) resultName
#@ File (label="Folder for lbl, roi and tables", style="directory", persist=false) resultFolder
#@ Boolean (label="Fill holes", value=true, persist=false) fillHoles
#@ Boolean (label="Cut touching objects apart (watershed)", value=true, persist=false) cutApart
#@ Double (label="Smallest object (px)", value=30, min=0, persist=false) smallest
#@ Double (label="Largest object (px; 0: any)", value=0, min=0, persist=false) greatest
#@ Boolean (label="Leave out objects at the border", value=false, persist=false) dropBorder
#@ Boolean (label="Show the label image", value=true, persist=false) showLabels

var macroName = "otsu_baseline.ijm";

startMacro();
if (!isGiven(resultFolder)) stop("no folder for the results; choose one");
if (!isGiven(imageFile) && nImages == 0) stop("no image; open one or choose a file");
enterBatchMode(showLabels);
name = inputName(imageFile);
stopOn(openOrDuplicate(imageFile));
if (isGiven(resultName)) name = "" + resultName;
if (bitDepth() == 24) run("Make Composite");
measured = getImageID();
stopOn(duplicateChannel(nucleiChannel, name));
if (sigma > 0 && nSlices > 1) run("Gaussian Blur...", "sigma=" + sigma + " stack");
if (sigma > 0 && nSlices == 1) run("Gaussian Blur...", "sigma=" + sigma);
thresholdMask(NaN);
labelMask(fillHoles, cutApart, smallest, greatest, dropBorder);
labelImage = getImageID();
stopOn(writeResults(measured, name, resultFolder));
selectImage(labelImage);
count = Overlay.size;
showLabelImage(labelImage, name, showLabels);
if (!showLabels) labelImage = activeAtStart;
endMacro(labelImage);
return "" + count;
