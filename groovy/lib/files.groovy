// File names, folders, and files that appear only when they are complete.

import java.nio.file.Files
import java.nio.file.StandardCopyOption
import qupath.lib.scripting.QP

/** Return the folder to write into; a relative one lies below the project's folder. */
static File exportFolder(String given, String fallback, String projectFile) {
    File folder = new File(given ?: fallback)
    if (folder.isAbsolute())
        return folder
    File base = projectFile
        ? new File(projectFile).getAbsoluteFile().getParentFile()
        : QP.getProject()?.getPath()?.toFile()?.getParentFile()
    if (base == null)
        throw new IllegalStateException('There is no project: set folder to a whole path.')
    return new File(base, folder.path)
}

/** Return a file in a folder; refuse a name that would lead out of it. */
static File fileInside(File folder, String relative) {
    File file = new File(folder, relative)
    if (!file.getCanonicalFile().toPath().startsWith(folder.getCanonicalFile().toPath()))
        throw new IllegalArgumentException("${relative} would lie outside ${folder}.")
    return file
}

/** Let `write` write a hidden file, and give it its name when it is complete. */
static void writeAtomically(File file, Closure write) {
    Files.createDirectories(file.toPath().getParent())
    File part = new File(file.getParentFile(), ".${file.name}.part")
    try {
        write(part)
        Files.move(part.toPath(), file.toPath(), StandardCopyOption.REPLACE_EXISTING)
    } finally {
        Files.deleteIfExists(part.toPath())
    }
}

/** Return a name that every operating system accepts for a file. */
static String safeName(String name) {
    String safe = name.replaceAll(/[\\\/:*?"<>|\p{Cntrl}]/, '_').replaceAll(/^[\s.]+|[\s.]+$/, '')
    if (safe.length() > 120)
        safe = safe.substring(0, 120).trim()
    if (safe ==~ /(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?/)
        safe = '_' + safe
    return safe ?: 'unnamed'
}

/** Return a text with square brackets in place of round ones. */
static String squareBrackets(String text) {
    return text.replace('(', '[').replace(')', ']')
}

/**
 * Return a file name for each image: its own, with the image's number in the project where that is taken.
 * Names that differ in the kind of brackets alone are one name, as image regions have square ones only.
 */
static List<String> resultNames(List<String> imageNames, List<String> ids) {
    Set<String> taken = []
    return [imageNames, ids].transpose().collect { given, id ->
        String safe = given.replaceAll(/[\x00-\x1f<>:"\/\\|?*]/, '_').replaceAll(/^[ .]+|[ .]+$/, '')
        String name = safe.replaceAll(/(?i)(?<=.)(\.ome\.tiff?|\.ome\.btf|\.ome\.zarr|\.tiff?|\.btf|\.h5|\.hdf5|\.zarr)$/, '') ?: "image ${id}"
        while (squareBrackets(name).toLowerCase() in taken)
            name = "${name} (${id})"
        taken << squareBrackets(name).toLowerCase()
        name
    }
}

/** Return an image's name without the ending of its format and what Bio-Formats adds behind it. */
static String baseName(String name) {
    def match = name =~ /(?i)^(.+?)(\.ome)?\.(tiff?|btf|h5|hdf5|zarr)( - [^\/\\]*)?$/
    return match.find() ? match.group(1) : name
}
