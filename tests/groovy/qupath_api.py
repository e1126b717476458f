"""What the scripts use of QuPath, each name looked up in the source of the versions named here."""

from __future__ import annotations

VERSIONS = ("0.4.4", "0.5.1", "0.6.0", "0.7.0")
"""Versions of QuPath that have every name below."""

STARDIST_VERSIONS = ("0.4.0", "0.5.0", "0.6.0")
"""Versions of the StarDist extension that have every name of its classes below."""

CLASSES: dict[str, tuple[str, ...]] = {
    "qupath.imagej.tools.IJTools": ("convertToIJRoi", "convertToImagePlus"),
    "qupath.lib.analysis.features.ObjectMeasurements": (
        "addIntensityMeasurements",
        "addShapeMeasurements",
    ),
    "qupath.lib.color.ColorDeconvolutionStains": ("getStain",),
    "qupath.lib.color.StainVector": ("isResidual",),
    "qupath.lib.gui.measure.ObservableMeasurementTableData": (
        "getAllNames",
        "getNumericValue",
        "getStringValue",
        "isNumericMeasurement",
        "setImageData",
    ),
    "qupath.lib.geom.Point2": ("getX", "getY"),
    "qupath.lib.gui.QuPathGUI": ("getInstance", "getStage", "getUndoRedoManager"),
    "qupath.lib.gui.UndoRedoManager": ("hierarchyChanged",),
    "qupath.lib.images.ImageData": (
        "getColorDeconvolutionStains",
        "getHierarchy",
        "getProperty",
        "getServer",
        "setProperty",
    ),
    "qupath.lib.images.servers.ImageServer": (
        "getBuilder",
        "getHeight",
        "getMetadata",
        "getPath",
        "getPixelCalibration",
        "getPixelType",
        "getURIs",
        "getWidth",
        "nChannels",
        "nTimepoints",
        "nZSlices",
    ),
    "qupath.lib.images.servers.ImageServerBuilder$DefaultImageServerBuilder": (
        "getArgs",
        "getURI",
    ),
    "qupath.lib.images.servers.ImageServerMetadata": ("getChannels", "getName"),
    "qupath.lib.images.servers.PixelCalibration": (
        "getAveragedPixelSize",
        "getPixelHeightMicrons",
        "getPixelWidthMicrons",
        "hasPixelSizeMicrons",
    ),
    "qupath.lib.images.servers.PixelType": ("getBytesPerPixel",),
    "qupath.lib.images.servers.TransformedServerBuilder": ("build", "deconvolveStains"),
    "qupath.lib.images.PathImage": ("getImage",),
    "qupath.lib.io.GsonTools": ("getInstance",),
    "qupath.lib.io.PathIO": ("readObjectsFromGeoJSON",),
    "qupath.lib.measurements.MeasurementList": ("get", "getMeasurementNames"),
    "qupath.lib.objects.PathObject": (
        "addChildObjects",
        "clearChildObjects",
        "getChildObjects",
        "getColor",
        "getID",
        "getMeasurementList",
        "getName",
        "getPathClass",
        "getROI",
        "hasROI",
        "isAnnotation",
        "isCell",
        "isDetection",
        "isLocked",
        "setLocked",
        "setName",
    ),
    "qupath.lib.objects.PathCellObject": ("getNucleusROI",),
    "qupath.lib.objects.PathObjects": (
        "createAnnotationObject",
        "createCellObject",
        "createDetectionObject",
    ),
    "qupath.lib.objects.classes.PathClass": ("fromString",),
    "qupath.lib.objects.hierarchy.PathObjectHierarchy": (
        "addListener",
        "addObjects",
        "fireHierarchyChangedEvent",
        "getAllObjects",
        "getAnnotationObjects",
        "getDetectionObjects",
        "getSelectionModel",
        "insertPathObjects",
        "removeListener",
        "removeObjects",
        "setHierarchy",
    ),
    "qupath.lib.objects.hierarchy.events.PathObjectHierarchyEvent": ("getSource",),
    "qupath.lib.objects.hierarchy.events.PathObjectHierarchyListener": ("hierarchyChanged",),
    "qupath.lib.objects.hierarchy.events.PathObjectSelectionModel": (
        "clearSelection",
        "getSelectedObjects",
    ),
    "qupath.lib.projects.Project": ("getEntry", "getImageList", "getPath", "syncChanges"),
    "qupath.lib.projects.ProjectIO": ("loadProject",),
    "qupath.lib.projects.ProjectImageEntry": (
        "getID",
        "getImageName",
        "readImageData",
        "saveImageData",
    ),
    "qupath.lib.regions.RegionRequest": ("createInstance",),
    "qupath.lib.roi.PolygonROI": ("getAllPoints",),
    "qupath.lib.roi.interfaces.ROI": (
        "contains",
        "getAllPoints",
        "getBoundsHeight",
        "getBoundsWidth",
        "getBoundsX",
        "getBoundsY",
        "getC",
        "getCentroidX",
        "getCentroidY",
        "getGeometry",
        "getT",
        "getZ",
        "isArea",
        "translate",
    ),
    "qupath.lib.scripting.QP": (
        "createFullImageAnnotation",
        "getCurrentImageData",
        "getProject",
        "getProjectEntry",
    ),
    "qupath.lib.scripting.ScriptParameters": (),
}
"""Methods by class. All are public; the scripts call no others."""

STARDIST_CLASSES: dict[str, tuple[str, ...]] = {
    "qupath.ext.stardist.StarDist2D": (
        "builder",
        "close",
        "detectObjects",
        "imageNormalizationBuilder",
    ),
    "qupath.ext.stardist.StarDist2D$Builder": (
        "build",
        "cellExpansion",
        "channels",
        "classifications",
        "includeProbability",
        "keepClassifiedBackground",
        "pixelSize",
        "preprocess",
        "simplify",
        "threshold",
        "tileSize",
    ),
    "qupath.ext.stardist.OpCreators$ImageNormalizationBuilder": (
        "build",
        "maxDimension",
        "perChannel",
        "percentiles",
    ),
}
"""The same of the StarDist extension, which is no part of QuPath."""

BINDING = ("args", "qupath.script.batchIndex")
"""Variables that QuPath gives a script (ScriptAttributes)."""

_STATIC = """
addObject addObjects addPixelClassifierMeasurements addShapeMeasurements buildFilePath
buildPathInProject buildServer checkMinVersion checkVersionRange classifyDetectionsByCentroid
classifySelected clearAllObjects clearAnnotations clearDetections clearMeasurements
copyToClipboard createDirectory createFullImageAnnotation createSelectAllObject createTaskRunner
createTMAGrid describe deselectAll duplicateSelectedAnnotations exportTMAData fileExists
fireHierarchyUpdate getAllObjects getAnnotationObjects getCellObjects getColorRGB getCoreClasses
getCurrentHierarchy getCurrentImageData getCurrentImageName getCurrentServer getCurrentViewer
getDetectionObjects getLogger getObjects getPathClass getProject getProjectEntry getQuPath
getSelectedObject getSelectedObjects getSelectedROI getTileObjects getWindow hasMeasurement
importObjectsFromFile insertObjects isDirectory loadImageData locateFile makeRGB measurement
mergeAnnotations mkdirs nObjects promptForFile refreshIDs removeAllObjects removeAnnotations
removeDetections removeMeasurements removeObject removeObjects resetSelection resolveHierarchy
resolvePath runObjectClassifier runPlugin saveMeasurements selectObjects setChannelNames
setChannels setImageType setPixelSizeMicrons setSelectedObject writeImage writeImageRegion
"""
STATIC_METHODS_OF_SCRIPTS = frozenset(_STATIC.split())
"""Names that QuPath imports into every script: a function of ours must not have one of them."""

_OTHERS = """
abs add addAll ceil clear close closeEntry codePointCount compile concatenate contains containsKey
createDirectories createInverse createTempDirectory createTransformedShape currentThread
deleteIfExists descendants destroy Double doubleValue encode endsWith environment equalsIgnoreCase
floor forEach format forName get getAbsoluteFile getAbsolutePath getBounds2D getBytes
getCanonicalFile getClass getClassLoader getContextClassLoader getDeterminant getHeight
getInputStream getOutputStream getParent getParentFile getScaleX getScaleY getScheme getShearX
getShearY getSimpleName getTranslateInstance getWidth group hypot indexOf intValue isAbsolute
isAlive isDirectory isEmpty isFile isIdentity isNaN keySet lastIndexOf length list listFiles mark
matcher matches max min move offsetByCodePoints parallelStream poll pop push put putAll
putNextEntry quote read redirectErrorStream replace replaceAll replaceFirst reset rint round size
split start startsWith substring toFile toLowerCase toPath toString transform trim valueOf values
waitFor write
any collate collect collectEntries collectMany count deleteDir each eachLine eachWithIndex every
find findAll findIndexOf findResult getText getVariable hasVariable isInteger isNumber join
last readLines reverse sort startDaemon sum toDouble toInteger transpose unique with
withCloseable withIndex withWriter
addProperty beginArray beginObject deepCopy endArray endObject fromJson getAsDouble getAsInt
getAsJsonArray getAsJsonObject getAsJsonPrimitive getAsString has hasNext isJsonNull
isJsonPrimitive nextName parseString peek remove setLenient toJson toJsonTree
addSlice getCalibration getProcessor getTitle getType saveAsByteArray saveAsTiff setCalibration
setDimensions setOpenAsHyperStack setPosition setRoi
getCoordinates getExteriorRing getGeometryN getGeometryType getInteriorRingN getNumGeometries
getNumInteriorRing
getMetadata isInfinite respondsTo take
allocate array asDoubleBuffer asIntBuffer deepEquals entries flush getCause getMessage getShort
interrupt interrupted mkdirs order position putShort readAllBytes readObject setLevel
toByteArray wrap writeObject
drop every intdiv padRight setText
create serializeNulls
getDialogPane initOwner isFxApplicationThread runLater setHeaderText setMinWidth setResizable
setTitle show
notePush pushOf reclassify
"""
NOT_QUPATH = frozenset(_OTHERS.split())
"""All else that the scripts call: of Java, Groovy, Gson, ImageJ and JTS, in this order; then what
those for the open image call of Java, Groovy, Gson, JavaFX and `PackedObjects`."""
