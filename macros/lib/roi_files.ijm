// RoiSet.zip files: by starbridge's own class where it started ImageJ, by the ROI Manager where there
// is a window, and by a script elsewhere, because ImageJ makes no ROI Manager without a window.

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
		lines = newArray(
			"overlay = new Packages.ij.gui.Overlay();",
			"buffer = Packages.java.lang.reflect.Array.newInstance(Packages.java.lang.Byte.TYPE, 65536);",
			"ending = Packages.java.util.regex.Pattern.compile('(?i)[.]roi$');",
			"zip = new Packages.java.util.zip.ZipFile(path);",
			"try {",
			"  entries = zip.entries();",
			"  while (entries.hasMoreElements()) {",
			"    entry = entries.nextElement();",
			"    name = entry.getName();",
			"    if (!ending.matcher(name).find()) continue;",
			"    stream = zip.getInputStream(entry);",
			"    bytes = new Packages.java.io.ByteArrayOutputStream();",
			"    while ((count = stream.read(buffer, 0, 65536)) > 0) bytes.write(buffer, 0, count);",
			"    roi = Packages.ij.io.RoiDecoder.openFromByteArray(bytes.toByteArray());",
			"    if (roi == null) throw new Packages.java.io.IOException(name + ' is no ROI');",
			"    name = name.substring(name.lastIndexOf('/') + 1);",
			"    roi.setName(ending.matcher(name).replaceAll(''));",
			"    overlay.add(roi);",
			"  }",
			"} finally {",
			"  zip.close();",
			"}",
			"image.setOverlay(overlay);");
		problem = runScript(String.join(lines, "\n"), path);
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
		lines = newArray(
			"overlay = image.getOverlay();",
			"used = new Packages.java.util.HashSet();",
			"count = overlay == null ? 0 : overlay.size();",
			"unsafe = Packages.java.util.regex.Pattern.compile('[\\\\x00-\\\\x1f<>:\\\\x22/\\\\x5c|?*]');",
			"ending = Packages.java.util.regex.Pattern.compile('(?i)[.]roi$');",
			"zip = new Packages.java.util.zip.ZipOutputStream(new Packages.java.io.BufferedOutputStream(",
			"  new Packages.java.io.FileOutputStream(path)));",
			"try {",
			"  zip.setLevel(1);",
			"  for (i = 0; i < count; i++) {",
			"    roi = overlay.get(i);",
			"    name = roi.getName() == null ? 'ROI ' + (i + 1) : roi.getName();",
			"    name = ending.matcher(unsafe.matcher(name).replaceAll('_')).replaceAll('');",
			"    unique = name;",
			"    again = 1;",
			"    while (!used.add(unique.toLowerCase())) {",
			"      again++;",
			"      unique = name + '-' + again;",
			"    }",
			"    zip.putNextEntry(new Packages.java.util.zip.ZipEntry(unique + '.roi'));",
			"    bytes = Packages.ij.io.RoiEncoder.saveAsByteArray(roi);",
			"    zip.write(bytes, 0, bytes.length);",
			"    zip.closeEntry();",
			"  }",
			"} finally {",
			"  zip.close();",
			"}");
		problem = runScript(String.join(lines, "\n"), part);
	}
	if (problem != "") return path + " could not be written (" + problem + ")";
	problem = publishFile(part, path);
	return problem;
}
