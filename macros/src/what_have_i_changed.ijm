// what_have_i_changed.ijm: says what you did to the nuclei of the open review since the last push.
//
// Needs   starbridge, as starbridge segment does. The image NAME.tif of a review folder that starbridge
//         fiji push wrote, open and active, and its ROIs in the ROI Manager; without a window, in its
//         overlay. ImageJ 1.53t or later; no plugin.
// Writes  nothing.
// Shows   how many nuclei are added, deleted, reshaped, reclassified and so on, in the log; also of
//         what is not saved yet.
//
// Menu      Plugins > StarBridge > what have i changed, after: starbridge fiji install
// Macro     run("what have i changed");
// Python    fiji.run_macro("what_have_i_changed.ijm").value
// Headless  fiji --headless --run what_have_i_changed.ijm, called from a macro that has opened the image

var macroName = "what_have_i_changed.ijm";

startMacro();
while (nextPass()) {
	command_path = textSetting(command_path, "Command_path (starbridge, if need be with its folder)", "starbridge");
}
if (!isGiven(command_path)) stop("the command is empty; give starbridge, or its whole path");
stopOn(checkReview());
reviewed = getImageID();
reviewName = reviewedName();
opened = temporaryPath(".zip");
stopOn(saveOpenRois(opened));
words = newArray(command_path, "fiji", "status", getDirectory("image"), reviewName, "--rois", opened);
output = runCommand(words);
done = File.delete(opened);
missing = "";
if (indexOf(output, "since the last push") < 0) missing = reviewName;
stopOn(commandProblem(command_path, output, missing));
endMacro(reviewed);
said = withoutFiles(output, reviewName);
print(said);
return said;
