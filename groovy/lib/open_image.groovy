// The open image, handed to the commands starbridge qupath take and changes, and changed by them.

import com.google.gson.GsonBuilder
import qupath.lib.objects.hierarchy.PathObjectHierarchy
import qupath.lib.scripting.QP

/** Return the open image's entry in its project. */
static Object openEntry(imageData) {
    def entry = QP.getProject()?.getEntry(imageData)
    if (entry == null)
        throw new IllegalStateException('The open image is in no project: add it to one, and open it there.')
    return entry
}

/** Return a command of starbridge for the open image as a list of separate arguments. */
static List<String> imageCommand(Map settings, String name, entry, File folder) {
    String project = QP.getProject().getPath().toFile().getPath()
    return [settings.command.toString(), 'qupath', name, '--exchange=' + folder.getPath(), '--', project, entry.getID()]
}

/** Return the options of a merge as separate arguments. */
static List<String> mergeOptions(Map settings, String detections) {
    List<String> words = ['--detections=' + detections]
    [kind: '--as', inside: '--inside', layer: '--layer', conflicts: '--conflicts'].each { name, option ->
        if (settings[name].toString() != '')
            words << option + '=' + settings[name]
    }
    settings.onlyClasses.toString().split(',').collect { it.trim() }.findAll { it }.each { words << '--class=' + it }
    if (settings.keepUntouched)
        words << '--keep-untouched'
    return words
}

/** Write the objects of an image into a folder, and what QuPath knows of the image. */
static Map<String, Object> packObjects(imageData, hierarchy, File folder) {
    Map<String, Object> packed = PackedObjects.read(hierarchy)
    writePacked(folder,
        packed.findAll { name, value -> value instanceof byte[] || value instanceof int[] || value instanceof double[] },
        packed.findAll { name, value -> value instanceof String || value instanceof String[] }
            .collectEntries { name, value -> [name, (value instanceof String ? Texts.split(value) : value) as List] })
    def server = imageData.getServer()
    def size = server.getPixelCalibration()
    def about = [
        width: server.getWidth(), height: server.getHeight(),
        size_z: server.nZSlices(), size_t: server.nTimepoints(),
        channels: server.getMetadata().getChannels()*.getName(),
        pixel_size: size.hasPixelSizeMicrons() ? [size.getPixelWidthMicrons(), size.getPixelHeightMicrons()] : null,
        skipped: packed.skipped,
        push: PackedObjects.pushOf(hierarchy) ?: imageData.getProperty('starbridge push'),
    ]
    new File(folder, 'image.json').setText(new GsonBuilder().serializeNulls().create().toJson(about), 'UTF-8')
    return packed
}

/** Return true if objects that were packed at two times are the same. */
static boolean samePacked(Map<String, Object> before, Map<String, Object> after) {
    return before.keySet() == after.keySet() && before.every { name, value -> Objects.deepEquals(value, after[name]) }
}

/** Return a copy of the objects of an image, which is as QuPath would read it from its file. */
static Object copyObjects(hierarchy) {
    def saved = new ByteArrayOutputStream()
    new ObjectOutputStream(saved).withCloseable { it.writeObject(hierarchy) }
    def read = new ObjectInputStream(new ByteArrayInputStream(saved.toByteArray())).readObject()
    return sameObjects(read)  // what was read itself lacks what is not stored
}

/** Return another holder of the same objects. */
static Object sameObjects(hierarchy) {
    def holder = new PathObjectHierarchy()
    holder.setHierarchy(hierarchy)
    return holder
}

/** Carry out a plan of starbridge on objects that no window shows. */
static void carryOut(Map<String, Object> plan, hierarchy) {
    Map<String, Object> arrays = plan.collectEntries { name, value ->
        // What separates texts is in none of them.
        [name, value instanceof List ? Texts.join(value.collect { it?.replaceAll(/[\x00\x01]/, '') } as String[]) : value]
    }
    PackedObjects.remove(hierarchy, arrays.remove)
    PackedObjects.add(hierarchy, PackedObjects.build(arrays), arrays.parents)
    PackedObjects.reclassify(hierarchy, arrays.reclassify, arrays.classes)
    PackedObjects.notePush(hierarchy, plan.push[0])
}

/** Return the steps that starbridge asks for while it pushes into the open image. */
static Map<String, Closure> pushSteps(imageData, entry, File folder) {
    def hierarchy = imageData.getHierarchy()
    Map<String, Object> handedOver, plan
    def merged
    return [
        objects: {
            withoutEdits {
                entry.saveImageData(imageData)
                handedOver = packObjects(imageData, hierarchy, new File(folder, 'objects'))
                merged = copyObjects(hierarchy)
            }
        },
        merged: {
            plan = readPacked(new File(folder, 'plan'))
            carryOut(plan, merged)
            packObjects(imageData, merged, new File(folder, 'merged'))
        },
        save: {
            withoutEdits {
                if (!samePacked(handedOver, PackedObjects.read(hierarchy)))
                    throw new IllegalStateException('You edited objects meanwhile: run the script again.')
                showAndSave(imageData, entry, merged, plan.before[0].toString())
            }
        },
    ]
}

/** Put objects in the place of an image's, in one step that can be undone, and save the image. */
static void showAndSave(imageData, entry, merged, String pushBefore) {
    def hierarchy = imageData.getHierarchy()
    def before = sameObjects(hierarchy)
    // Objects of a first push name theirs; those to which undoing it leads back name none.
    if (imageData.getProperty('starbridge push') == null)
        imageData.setProperty('starbridge push', pushBefore)
    hierarchy.getSelectionModel().clearSelection()
    hierarchy.setHierarchy(merged)
    try {
        entry.saveImageData(imageData)
    } catch (Exception error) {
        hierarchy.setHierarchy(before)
        throw new IllegalStateException(
            "QuPath could not save the image (${error.message}): its objects are as they were before.")
    }
}
