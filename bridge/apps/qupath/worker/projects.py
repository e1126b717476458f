"""Read and write a project with QuPath's classes, which only this module uses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from bridge.apps.qupath.packing import Packed
from bridge.apps.qupath.state import file_state, is_whole
from bridge.apps.qupath.worker.self_check import differences, sample

_BYTES = ("kind", "locked", "measured")
_PUSH = "starbridge push"
"""Property of an image's data: name of the push of objects that name none themselves."""
_BETWEEN, _NOTHING = "\0", "\1"


class NoSuchImageError(Exception):
    """The project has no image of that number."""


class SavedMeanwhileError(Exception):
    """Somebody saved the objects since they were read."""


class DamagedObjectsError(Exception):
    """QuPath cannot read a file of objects; the text is its path."""


class Project:
    """A project that is open in this process.

    Args:
        path: its folder.
        packed_objects: from :func:`compile_packed_objects`.
        create: create it if it does not exist.
        reading: nothing will be written. A project that QuPath cannot open, because of one image of
            a kind that it does not know, is then read from its files of objects.
    """

    def __init__(
        self, path: Path, packed_objects: Any, *, create: bool, reading: bool = False
    ) -> None:
        from paquo.java import BufferedImage, File, Projects
        from paquo.projects import QuPathProject

        there = any(path.glob("*.qpproj")) if path.is_dir() else path.is_file()
        if not there:
            if not create:
                raise FileNotFoundError(path)
            # paquo makes projects in empty folders only, and the lock of the push is there.
            path.mkdir(parents=True, exist_ok=True)
            Projects.createProject(File(str(path)), BufferedImage).syncChanges()
        # "a" neither wipes a folder nor refuses one. paquo writes at the end of a "with", and
        # none is used.
        self._objects = packed_objects
        self._folder = path if path.is_dir() or not path.is_file() else path.parent
        self._project: Any = None
        try:
            self._project = QuPathProject(path, mode="a")
        except Exception:
            if not (there and reading):
                raise

    def save(self) -> None:
        """Write the list of images."""
        self._project.java_object.syncChanges()

    def entry(self, identity: str) -> Any:
        """Return QuPath's entry of an image.

        Raises:
            NoSuchImageError: there is none.
        """
        for entry in self._project.java_object.getImageList():
            if str(entry.getID()) == identity:
                return entry
        raise NoSuchImageError(identity)

    def add_image(self, path: str, name: str, *, fluorescence: bool) -> str:
        """Add an image.

        Returns:
            The image's number.
        """
        from paquo.images import QuPathImageType

        kind = QuPathImageType.FLUORESCENCE if fluorescence else QuPathImageType.OTHER
        before = self._data_folders()
        try:
            entry: Any = self._project.add_image(path, image_type=kind)
        except BaseException:
            for folder in self._data_folders() - before:  # The image is not in the list.
                shutil.rmtree(folder, ignore_errors=True)
            raise
        entry.image_name = name
        self.save()
        return str(entry.entry_id)

    def _data_folders(self) -> set[Path]:
        project = Path(str(self._project.java_object.getPath().toString()))
        return set((project.parent / "data").glob("*/"))

    def calibrate(
        self, identity: str, pixel_size: tuple[float, float] | None, channels: list[str]
    ) -> None:
        """Set an image's pixel size (x, y in µm) and channel names.

        QuPath assumes 1 µm a pixel where a file says nothing, so these replace QuPath's own.
        """
        from jpype import JClass

        entry = self.entry(identity)
        data = entry.readImageData()
        metadata = data.getServer().getMetadata()
        builder = JClass("qupath.lib.images.servers.ImageServerMetadata$Builder")(metadata)
        changed = False
        shown_size = (metadata.getPixelWidthMicrons(), metadata.getPixelHeightMicrons())
        if pixel_size is not None and not np.allclose(pixel_size, shown_size, rtol=1e-4):
            builder.pixelSizeMicrons(*pixel_size)
            changed = True
        shown = [str(channel.getName()) for channel in metadata.getChannels()]
        if len(channels) == len(shown) and channels != shown and not metadata.isRGB():
            channel = JClass("qupath.lib.images.servers.ImageChannel")
            builder.channels(
                [
                    channel.getInstance(name, old.getColor())
                    for name, old in zip(channels, metadata.getChannels(), strict=True)
                ]
            )
            changed = True
        if changed:
            data.updateServerMetadata(builder.build())
        entry.saveImageData(data)
        self.save()

    def set_classes(self, classes: list[tuple[str, int | None]]) -> None:
        """Add classes to the project, or change their colours."""
        from jpype import JClass

        path_class = JClass("qupath.lib.objects.classes.PathClass")
        integer = JClass("java.lang.Integer")
        project = self._project.java_object
        listed = JClass("java.util.ArrayList")(project.getPathClasses())
        names = {str(known.toString()) for known in listed}
        for name, color in classes:
            known = path_class.fromString(name)
            if color is not None:
                known.setColor(integer(color))
            if name not in names:
                listed.add(known)
        project.setPathClasses(listed)
        self.save()

    def relink(self, moved: dict[str, str]) -> None:
        """Set the new files of moved images.

        Args:
            moved: new URI by old URI.
        """
        self._project.update_image_paths(uri2uri=moved)
        self.save()

    def read(self, identity: str, folder: Path) -> dict[str, Any]:
        """Pack all objects of an image into a folder.

        Returns:
            ``push``: name of the push that they come from, ``None`` where they say none;
            ``skipped``: number of objects without an area, which are left out; ``width``,
            ``height``, ``size_z``, ``size_t``, ``pixel_size`` ([x, y] µm or ``None``) and
            ``channels``, all ``None`` where the image's file is missing.
        """
        data = self._image_data(identity)
        file = self._folder / "data" / identity / "data.qpdata"
        hierarchy = _read_hierarchy(file) if data is None else data.getHierarchy()
        if hierarchy.nObjects() == 0:
            # What it cannot read QuPath opens as an image without objects.
            _read_hierarchy(file)
        packed = self._objects.read(hierarchy)
        _from_java(packed).save(folder)
        push = self._objects.pushOf(hierarchy)
        if push is None and data is not None:
            push = data.getProperty(_PUSH)
        return {
            "push": None if push is None else str(push),
            "skipped": int(packed.get("skipped")),
            **_image(data),
        }

    def _image_data(self, identity: str) -> Any:
        """Return QuPath's data of an image; ``None`` where QuPath cannot open it."""
        if self._project is None:
            return None
        entry = self.entry(identity)
        try:
            return entry.readImageData()
        except Exception:  # Java's errors differ by the kind of image.
            return None

    def write(
        self,
        identity: str,
        folder: Path,
        remove: list[str],
        parents: list[str | None],
        reclassify: dict[str, str | None],
        *,
        push: str | None,
        state: str | None,
    ) -> dict[str, Any]:
        """Remove and add objects of an image, and save it.

        Args:
            identity: the image's number.
            folder: where the packed objects to add are.
            remove: UUIDs of objects to remove.
            parents: UUID of the parent of each object that is added, ``None`` for none.
            reclassify: class by UUID of objects that only change their class.
            push: name of the push, which is stored with the objects.
            state: hash of the file of objects that this is for; ``None`` checks nothing.

        Returns:
            ``state``: hash of the file that was saved.

        Raises:
            SavedMeanwhileError: the file is another one.
        """
        entry = self.entry(identity)
        file = Path(str(entry.getEntryPath())) / "data.qpdata"
        _check(file, state)
        data = entry.readImageData()
        hierarchy = data.getHierarchy()
        self._objects.remove(hierarchy, _joined(remove))
        built = self._objects.build(_to_java(Packed.load(folder)))
        self._objects.add(hierarchy, built, _joined(parents))
        self._objects.reclassify(hierarchy, _joined([*reclassify]), _joined([*reclassify.values()]))
        if push is not None:
            data.setProperty(_PUSH, push)
            self._objects.notePush(hierarchy, push)
        _check(file, state)
        entry.saveImageData(data)
        saved = file_state(file)
        self.save()
        return {"state": saved}


def _check(file: Path, state: str | None) -> None:
    if state is not None and file_state(file) != state:
        raise SavedMeanwhileError(file)


def version(on_step: Callable[[str], None]) -> str:
    """Start QuPath's Java and return QuPath's version.

    Args:
        on_step: called with each step.
    """
    on_step("starting Java")
    import paquo.java

    on_step("loading QuPath's classes")
    import paquo.images
    import paquo.projects
    from jpype import JClass

    # Every import of paquo turns QuPath's debug log on.
    paquo.java.LogManager.setWarn()
    # Its static part registers readers without which a project with channel transforms is refused.
    JClass("qupath.lib.scripting.QP")
    return str(paquo.java.qupath_version)


def compile_packed_objects() -> Any:
    """Compile the class of ``PackedObjects.groovy`` by QuPath's own Groovy; takes seconds."""
    from jpype import JClass

    source = files("bridge.apps.qupath.worker").joinpath("PackedObjects.groovy").read_text("utf-8")
    return JClass(JClass("groovy.lang.GroovyShell")(plain_bytecode()).evaluate(source))


def plain_bytecode() -> Any:
    """Return settings by which Groovy compiles direct access to elements of arrays.

    Groovy 4 and 5 otherwise link each access when it first runs, which takes longer than to read
    fifty thousand objects.
    """
    from jpype import JClass

    how = JClass("org.codehaus.groovy.control.CompilerConfiguration")()
    how.getOptimizationOptions().put("indy", JClass("java.lang.Boolean").FALSE)
    return how


def check_itself(packed_objects: Any) -> None:
    """Have QuPath save and load objects in memory, and compare them.

    Raises:
        RuntimeError: this QuPath changes objects.
    """
    given = sample()
    found = _from_java(packed_objects.thereAndBack(_to_java(given)))
    if wrong := differences(given, found):
        raise RuntimeError(
            f"this QuPath does not keep {', '.join(wrong)} of objects as they are; please report "
            "its version"
        )


def _to_java(packed: Packed) -> Any:
    """Return the map of Java arrays that ``PackedObjects.groovy`` unpacks."""
    from jpype import JArray, JByte, JClass, JDouble, JInt

    arrays = JClass("java.util.HashMap")()
    for name, values in packed.arrays.items():
        if name in _BYTES:
            java = JArray(JByte)(values.astype(np.int8))
        elif values.dtype.kind == "f":
            java = JArray(JDouble)(values.astype(np.float64))
        else:
            java = JArray(JInt)(values.astype(np.int32))
        arrays.put(name, java)
    for name, texts in packed.texts.items():
        arrays.put(name, _joined(texts))
    return arrays


def _joined(texts: Sequence[str | None]) -> str:
    """Join texts into one, as ``Texts`` of ``PackedObjects.groovy`` splits them."""
    # A text cannot hold a separator; QuPath itself shows neither character.
    clean = (
        _NOTHING if text is None else text.replace(_BETWEEN, "").replace(_NOTHING, "")
        for text in texts
    )
    return _BETWEEN.join(clean)


def _from_java(arrays: Any) -> Packed:
    numbers: dict[str, np.ndarray[Any, Any]] = {}
    texts: dict[str, list[str | None]] = {}
    for name in [str(key) for key in arrays.keySet()]:
        value = arrays.get(name)
        if name == "skipped":
            continue
        if isinstance(value, str) or str(value.getClass().getName()) == "java.lang.String":
            joined = str(value)
            parts = joined.split(_BETWEEN) if joined else []
            texts[name] = [None if text == _NOTHING else text for text in parts]
        elif str(value.getClass().getComponentType().getName()) == "java.lang.String":
            texts[name] = [None if text is None else str(text) for text in value]
        else:
            numbers[name] = np.asarray(value)
    return Packed(numbers, texts)


def _read_hierarchy(file: Path) -> Any:
    """Read the objects of an image from their file alone; none where there is no file.

    Raises:
        DamagedObjectsError: the file cannot be read.
    """
    from jpype import JClass, JException

    copy = file.with_name(f"{file.name}.bkp")
    if not file.exists() and not copy.exists():
        return JClass("qupath.lib.objects.hierarchy.PathObjectHierarchy")()
    whole = next((path for path in (file, copy) if path.exists() and is_whole(path)), None)
    if whole is None:  # QuPath would read a file that is cut off for ever
        raise DamagedObjectsError(str(file))
    reader = JClass("qupath.lib.io.PathIO")
    try:
        hierarchy = reader.readHierarchy(JClass("java.io.File")(str(whole)))
    except JException as error:
        raise DamagedObjectsError(str(file)) from error
    if hierarchy is None:
        raise DamagedObjectsError(str(file))
    return hierarchy


def _image(data: Any) -> dict[str, Any]:
    try:
        if data is None:
            raise FileNotFoundError
        metadata = data.getServer().getMetadata()
    except Exception:  # The file is missing: Java's errors differ by the kind of image.
        return dict.fromkeys(
            ("width", "height", "size_z", "size_t", "pixel_size", "channels"), None
        )
    calibrated = bool(metadata.pixelSizeCalibrated())
    calibration = metadata.getPixelCalibration()
    return {
        "width": int(metadata.getWidth()),
        "height": int(metadata.getHeight()),
        "size_z": int(metadata.getSizeZ()),
        "size_t": int(metadata.getSizeT()),
        "pixel_size": [
            float(calibration.getPixelWidthMicrons()),
            float(calibration.getPixelHeightMicrons()),
        ]
        if calibrated
        else None,
        "channels": [str(channel.getName()) for channel in metadata.getChannels()],
    }
