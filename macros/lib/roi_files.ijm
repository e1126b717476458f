// RoiSet.zip files: by starbridge's own class where it started ImageJ, by the ROI Manager where there
// is a window, and by JavaScript elsewhere, because ImageJ makes no ROI Manager without a window.

// Read a RoiSet.zip into the overlay of the active image. Return the problem, or "".
function loadRois(path) {
	if (!File.exists(path)) return path + " does not exist; check the spelling and the disk";
	if (File.isDirectory(path) || !endsWith(toLowerCase(path), ".zip")) {
		return path + " is no RoiSet.zip; choose a zip that the ROI Manager or starbridge saved";
	}
	Overlay.remove;
	problem = "";
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.load", path);
	} else if (hasWindow()) {
		loadByManager(path);
	} else {
		problem = runJavaScript("var overlay = new Packages.ij.gui.Overlay();"
			+ "var buffer = Packages.java.lang.reflect.Array.newInstance(Packages.java.lang.Byte.TYPE, 65536);"
			+ "var zip = new Packages.java.util.zip.ZipFile(path);"
			+ "try { var entries = zip.entries(); while (entries.hasMoreElements()) {"
			+ "var entry = entries.nextElement(), name = String(entry.getName());"
			+ "if (!/\\.roi$/i.test(name)) continue;"
			+ "var stream = zip.getInputStream(entry), count;"
			+ "var bytes = new Packages.java.io.ByteArrayOutputStream();"
			+ "while ((count = stream.read(buffer, 0, 65536)) > 0) bytes.write(buffer, 0, count);"
			+ "var roi = Packages.ij.io.RoiDecoder.openFromByteArray(bytes.toByteArray());"
			+ "if (roi == null) throw name + ' is no ROI';"
			+ "roi.setName(name.replace(/^.*\\//, '').replace(/\\.roi$/i, '')); overlay.add(roi);"
			+ "} } finally { zip.close(); } image.setOverlay(overlay);", path);
	}
	if (problem == "" && Overlay.size == 0) problem = "it holds no ROIs";
	if (problem == "") return "";
	return path + " cannot be read as a RoiSet.zip (" + problem + "); save the ROIs again";
}

// Save the overlay of the active image as a RoiSet.zip. Return the problem, or "".
function saveRois(path) {
	problem = makeFolder(parentFolder(path));
	if (problem != "") return problem;
	part = partPath(path);
	if (call("java.lang.System.getProperty", "starbridge.session", "") != "") {
		problem = call("starbridge.RoiSet.save", part);
	} else if (hasWindow()) {
		problem = saveByManager(part);
	} else {
		problem = runJavaScript("var overlay = image.getOverlay(), used = {};"
			+ "var count = overlay == null ? 0 : overlay.size();"
			+ "var zip = new Packages.java.util.zip.ZipOutputStream("
			+ "new Packages.java.io.BufferedOutputStream(new Packages.java.io.FileOutputStream(path)));"
			+ "try { zip.setLevel(1); for (var i = 0; i < count; i++) { var roi = overlay.get(i);"
			+ "var name = String(roi.getName() == null ? 'ROI ' + (i + 1) : roi.getName())"
			+ ".replace(/[\\x00-\\x1f<>:\\x22\\/\\\\|?*]/g, '_').replace(/\\.roi$/i, '');"
			+ "var unique = name, again = 1;"
			+ "while (used['/' + unique.toLowerCase()]) unique = name + '-' + (++again);"
			+ "used['/' + unique.toLowerCase()] = true;"
			+ "zip.putNextEntry(new Packages.java.util.zip.ZipEntry(unique + '.roi'));"
			+ "var bytes = Packages.ij.io.RoiEncoder.saveAsByteArray(roi);"
			+ "zip.write(bytes, 0, bytes.length); zip.closeEntry(); } } finally { zip.close(); }", part);
	}
	if (problem != "") return path + " could not be written (" + problem + ")";
	problem = publishFile(part, path);
	return problem;
}

// Run JavaScript in which `image` is the active image and `path` a path. Return the problem, or "".
function runJavaScript(code, path) {
	// URL encoding leaves percent signs and letters of the path: nothing in it can end the string
	path = call("java.net.URLEncoder.encode", path, "UTF-8");
	IJ.redirectErrorMessages();
	result = eval("script", "(function () { try { var image = Packages.ij.IJ.getImage();"
		+ "var path = decodeURIComponent('" + path + "'.replace(/\\+/g, ' '));"
		+ code + " return 'done'; } catch (error) { return 'problem: ' + error; } })()");
	if (result == "done") return "";
	if (startsWith(result, "problem: ")) return substring(result, 9);
	return "this ImageJ has neither a window nor JavaScript (its Java may lack jdk.dynalink); start it"
		+ " with its window or another Java, or run the macro by starbridge";
}
