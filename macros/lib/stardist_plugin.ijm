// One run of Fiji's StarDist plugin, and the reason why it gave nothing.

// Run StarDist on the image of a title; its label image becomes the active one. Settings are those of
// starDistSettings(). Return the problem, or "".
function runStarDist(title, settings) {
	selectImage(title);
	result = "";
	trace = "";
	if (hasGroovy()) {
		setValue("settings", settings);
		start = settingsScript();
		script = modelScript();
		result = runGroovy(start + script);
		if (result == "done") {
			script = pluginScript();
			result = runGroovy(start + script);
		}
		done = takeValue("settings");
		trace = takeValue("trace");
	}
	if (result == "done") return "";
	if (result != "") {
		problem = explainStarDist(result, trace);
		return problem;
	}
	if (!hasWindow()) {
		return "StarDist needs a Groovy that runs in Java " + getInfo("java.version") + ", and this Fiji has"
			+ " none; start Fiji with its own Java, or update Fiji, or run the macro by starbridge";
	}
	// with a window the plugin shows its label image, but keeps its reasons to itself
	run("Command From Macro", "command=[de.csbdresden.stardist.StarDist2D],args=['input':"
		+ quoteArgument(title) + "," + settings + "],process=[false]");
	if (!isOpen("Label Image")) return "StarDist gave no label image; the Console has its messages";
	selectImage("Label Image");
	return "";
}

// Return the beginning of a Groovy script that reads the value "settings" into a map.
function settingsScript() {
	lines = newArray(
		"def settings = [:]",
		"def unquote = { all, code -> String.valueOf((char) Integer.parseInt(code, 16)) }",
		"(value('settings') =~ /'(\\w+)':'([^']*)'/).each { all, key, text ->",
		"  settings[key] = text.replaceAll('[\\\\x5c]u([0-9a-fA-F]{4})', unquote)",
		"}",
		"");
	return String.join(lines, "\n");
}

// Return a Groovy script that unpacks the model once for a check: the plugin would unpack a damaged
// zip in part, and take the part for the whole later. It returns "done", or "problem: " and what.
function modelScript() {
	lines = newArray(
		"def model = new File(settings.modelFile)",
		"def state = model.path + ' ' + model.lastModified()",
		"if (value('model') == state) return 'done'",
		"def zip = null",
		"try {",
		"  zip = new java.util.zip.ZipFile(model)",
		"  if (zip.getEntry('saved_model.pb') == null) return 'problem: it has no saved_model.pb'",
		"  zip.entries().each { entry -> if (!entry.directory) zip.getInputStream(entry).bytes }",
		"} catch (IOException error) {",
		"  return 'problem: it cannot be unzipped: ' + error.message",
		"} finally {",
		"  if (zip != null) zip.close()",
		"}",
		"System.setProperty('starbridge.value.model', state)",
		"return 'done'");
	return String.join(lines, "\n");
}

// Return a Groovy script that runs the plugin on the active image and shows its label image. It
// returns "done", or "problem: " and the first error of the plugin, and leaves what the plugin printed
// as the value "trace".
function pluginScript() {
	lines = newArray(
		"def image = ij.IJ.getImage()",
		"def context = ij.IJ.runPlugIn('org.scijava.Context', '')",
		"def datasets = context.service('net.imagej.DatasetService')",
		"def before = datasets.datasets as Set, label = null, thrown = null",
		// errors of the network are only printed, by whichever thread meets them
		"def errors = new ByteArrayOutputStream(), usual = System.err",
		"System.setErr(new PrintStream(errors, true, 'UTF-8'))",
		"try {",
		"  def tensorflow = context.service('net.imagej.tensorflow.TensorFlowService')",
		"  tensorflow.loadLibrary()",
		// the plugin would open a dialog
		"  if (!tensorflow.status.loaded) {",
		"    def jar = tensorflow.class.protectionDomain.codeSource.location.path.tokenize('/').last()",
		"    def reason = errors.toString('UTF-8').readLines().find { it.contains('Could not load') }",
		"    reason = (reason ?: '').replaceFirst('^.WARNING. ', '').replaceFirst('[.] See http.*', ';')",
		"    reason = reason + ' ' + tensorflow.status.info",
		"    def java = System.getProperty('java.version')",
		"    throw new IllegalStateException(reason.trim() + ' (' + jar + ', Java ' + java + ')')",
		"  }",
		"  def plane = net.imglib2.img.display.imagej.ImageJFunctions.wrap(image)",
		"  def axes = [net.imagej.axis.Axes.X, net.imagej.axis.Axes.Y]",
		"  if (image.getNChannels() > 1) axes << net.imagej.axis.Axes.CHANNEL",
		"  if (image.getNSlices() > 1) axes << net.imagej.axis.Axes.Z",
		"  if (image.getNFrames() > 1) axes << net.imagej.axis.Axes.TIME",
		"  axes = axes as net.imagej.axis.AxisType[]",
		"  settings.input = datasets.create(new net.imagej.ImgPlus(plane, image.title, axes))",
		"  def commands = context.service('org.scijava.command.CommandService')",
		"  def run = commands.run('de.csbdresden.stardist.StarDist2D', false, settings)",
		"  label = run.get().getOutput('label')",
		"} catch (Throwable error) {",
		"  thrown = error",
		"} finally {",
		"  System.setErr(usual)",
		"}",
		"def converter = context.service('org.scijava.convert.ConvertService')",
		"def labels = label == null ? null : converter.convert(label, ij.ImagePlus)",
		// else the datasets of every plane would stay in memory
		"def objects = context.service('org.scijava.object.ObjectService')",
		"(datasets.datasets - before).each { objects.removeObject(it) }",
		"if (labels != null) {",
		"  labels.title = 'starbridge-found'",
		"  labels.show()",
		"  return 'done'",
		"}",
		"def roots = [], said = []",
		"def printed = errors.toString('UTF-8')",
		"System.setProperty('starbridge.value.trace', printed)",
		"printed.eachLine { line ->",
		"  def start = line =~ /^(Caused by: )?(?:Exception in thread .*? )?((?:\\w+[.])+\\w*(?:Exception|Error)\\b.*)/",
		"  if (start.find() && start.group(1) && roots) roots[-1] = start.group(2)",
		"  else if (start.find(0)) roots << start.group(2)",
		"  else if (line =~ /^.(WARNING|ERROR). /) said << line.substring(line.indexOf(' ') + 1)",
		"}",
		"if (thrown != null) {",
		"  while (thrown.cause != null) thrown = thrown.cause",
		"  roots << (thrown instanceof IllegalStateException ? thrown.message : thrown.toString())",
		"}",
		// a NullPointerException comes of what was lacking before
		"def telling = roots.find { !it.contains('NullPointerException') }",
		"telling = telling ?: (said ? said[0] : null) ?: (roots ? roots[0] : null)",
		"return 'problem: ' + (telling ?: 'it gave no label image, and no reason')");
	return String.join(lines, "\n");
}

// Return what a failure of the plugin means and what to do, in one line. Unknown ones stay as they
// are, and their trace goes to the log.
function explainStarDist(result, trace) {
	reason = replace(substring(result, 9), "[\\r\\n]+", " ");
	causes = starDistCauses();
	for (i = 0; i < causes.length; i += 2) {
		if (matches(reason + " " + replace(trace, "[\\r\\n]+", " "), ".*(" + causes[i] + ").*")) {
			return "StarDist failed: " + causes[i + 1] + " (" + reason + ")";
		}
	}
	if (trace != "") print(trace);
	return "StarDist failed: " + reason;
}

// Return the known causes of failures in pairs: a pattern of what the plugin prints, and what that
// means and what to do.
function starDistCauses() {
	causes = newArray(
		"it cannot be unzipped|it has no saved_model\\.pb|Can't parse .*saved_model\\.pb",
		"the model is no zip for Fiji, or it is damaged; write it anew: starbridge export "
			+ "MODEL --to tf1.15",
		"cannot be cast to class "
			+ "java\\.net\\.URLClassLoader|imagej-tensorflow-1\\.(0|1\\.[0-8])[.\\d]*jar, Java (?!1\\.)",
		"imagej-tensorflow 1.1.8 and earlier load TensorFlow in Java 8 only; bring "
			+ "imagej-tensorflow 1.1.9 by Help > Update..., or choose TensorFlow 1.15.0 CPU in "
			+ "Edit > Options > TensorFlow...",
		"TensorFlow (JAR|native library) crashed.*imagej-tensorflow-1\\.(0|1\\.[0-6])[.\\d]*jar",
		"Fiji closed while loading TensorFlow and will not try again; delete the file "
			+ ".crashed in Fiji's folder lib, then choose TensorFlow 1.15.0 CPU in Edit > Options "
			+ "> TensorFlow...",
		"OS: darwin, architecture: (aarch64|arm64)|need 'arm64",
		"TensorFlow 1 exists for Intel and AMD processors only; run the model in QuPath, or "
			+ "with starbridge segment",
		"makeExtensionsImmutable|com[./]google[./]protobuf",
		"Fiji's protobuf-java does not fit TensorFlow 1, which needs version 3; leave only a "
			+ "protobuf-java-3 in Fiji's folder jars: Help > Update... > Manage update sites, tick "
			+ "TensorFlow, close, Apply changes, restart",
		"Could not find SavedModel|Could not find meta graph",
		"Fiji unpacked this model in part before; delete the folders in Fiji's folder models",
		"Op type not registered|NodeDef mentions attr|is GraphDef version",
		"the model is for a newer TensorFlow than Fiji's; write it for this one: starbridge "
			+ "export MODEL --to tf1.12",
		"Input axis of type Channel should have size",
		"the model takes another number of channels; choose the channels that it was trained "
			+ "on, in their order",
		"OutOfMemoryError|OOM when allocating",
		"Java ran out of memory; give more tiles, or Fiji more memory in Edit > Options > "
			+ "Memory & Threads...",
		"Cannot find TensorFlow native library|no tensorflow_jni|Could not load .*TF "
			+ "library|Could not find any TensorFlow|UnsatisfiedLinkError|TensorFlow .*crashed",
		"Fiji has no TensorFlow library that loads on this computer; choose another "
			+ "TensorFlow in Edit > Options > TensorFlow..., best 1.15.0 CPU");
	return causes;
}
