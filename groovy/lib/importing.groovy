// Imported objects: which ones the image got from starbridge is kept with its data.

/** Add objects whose UUIDs the image lacks, below an annotation if one is given; return their number. */
int addImported(imageData, parent, List objects, boolean nest) {
    def hierarchy = imageData.getHierarchy()
    Set known = hierarchy.getAllObjects(false)*.getID() as Set
    List added = objects.findAll { known.add(it.getID()) }
    if (parent != null)
        parent.addChildObjects(added)
    else if (nest)
        hierarchy.insertPathObjects(added)
    else
        hierarchy.addObjects(added)
    recordImported(imageData, added, known)
    return added.size()
}

/** Remove the objects of earlier imports, below an annotation if one is given; return their number. */
int removeImported(imageData, parent) {
    def hierarchy = imageData.getHierarchy()
    Set<String> imported = importedIds(imageData)
    def candidates = parent == null ? hierarchy.getAllObjects(false) : parent.getChildObjects()
    Collection ours = candidates.findAll { it.getID().toString() in imported }
    hierarchy.removeObjects(ours, true)
    return ours.size()
}

/** Return the UUIDs of the objects of earlier imports. */
static Set<String> importedIds(imageData) {
    return (imageData.getProperty('starbridge.imported') ?: '').toString().readLines() as Set
}

/** Record objects as imported; of earlier ones, keep the UUIDs that are still `present`. */
static void recordImported(imageData, Collection objects, Collection present) {
    Set<String> ids = present*.toString() as Set
    Set<String> imported = importedIds(imageData).findAll { it in ids } + objects*.getID()*.toString()
    imageData.setProperty('starbridge.imported', imported.join('\n'))
}
