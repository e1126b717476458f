"""A call of every macro that works, for all the ways in which a macro can be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tifffile

from bridge import Detections
from bridge.apps.fiji.review_files import push_files
from bridge.images import from_array
from bridge.model.macro_settings import macro_literal, macro_settings

MACROS = Path(__file__).parents[2] / "macros"
NAMES = sorted(path.stem for path in MACROS.glob("*.ijm"))


@dataclass(frozen=True)
class Call:
    """A call of a macro.

    Attributes:
        name: the macro.
        settings: what is handed over, as texts.
        says: what it prints, or the problem that it stops with.
        written: files that it writes.
        opens: the image, and the ROIs, that have to be open.
        fails: True where it stops.
    """

    name: str
    settings: dict[str, str]
    says: str
    written: tuple[Path, ...] = ()
    opens: tuple[Path, ...] = ()
    fails: bool = False
    check: Callable[[], None] = field(default=lambda: None)

    @property
    def file(self) -> Path:
        """The macro's file."""
        return MACROS / f"{self.name}.ijm"

    @property
    def command(self) -> str:
        """Its name in the menus."""
        return self.name.replace("_", " ")

    @property
    def text(self) -> str:
        """Its settings as ``run`` takes them, all between brackets."""
        return " ".join(f"{name}=[{value}]" for name, value in self.settings.items())

    @property
    def values(self) -> dict[str, str | float | bool]:
        """Its settings as Python has them."""
        kinds = {s.name: s.kind for s in macro_settings(self.file.read_text("utf-8"))}
        kept: dict[str, Callable[[str], str | float | bool]]
        kept = {"number": float, "whole": int, "truth": "yes".__eq__}
        return {n: kept.get(kinds[n], str)(value) for n, value in self.settings.items()}

    @property
    def all_values(self) -> dict[str, str | float | bool]:
        """Its settings as Python has them, and the defaults of all others."""
        settings = macro_settings(self.file.read_text("utf-8"))
        return {**{s.name: s.default for s in settings}, **self.values}

    @property
    def opening(self) -> str:
        """A macro that opens what has to be open."""
        if not self.opens:
            return ""
        image, rois = map(macro_literal, self.opens)
        return f"""
            open({image});
            if (call("java.awt.GraphicsEnvironment.isHeadless") == "false") {{
                roiManager("reset");
                roiManager("open", {rois});
            }}
        """

    @property
    def answers(self) -> dict[str, list[str]]:
        """Answers for the fields of its dialog, by the kind of field, in their order."""
        answers: dict[str, list[str]] = {"texts": [], "numbers": [], "choices": []}
        for setting in macro_settings(self.file.read_text("utf-8")):
            kind = {"number": "numbers", "whole": "numbers", "truth": "choices"}.get(
                setting.kind, "choices" if setting.kind == "choice" else "texts"
            )
            default = {"true": "yes", "false": "no"}.get(setting.default, setting.default)
            answers[kind].append(self.settings.get(setting.name, default))
        return answers

    def with_nothing_open(self) -> Call:
        """Return what happens if nothing is open."""
        if not self.opens:
            return self
        return replace(self, says="no image; open NAME.tif of a review folder", fails=True)

    def succeeded(self, printed: str) -> None:
        """Check that the macro got its settings and did its work."""
        assert self.says in " ".join(printed.split())  # a dialog breaks long lines
        for path in self.written:
            assert path.stat().st_size > 0, path
        self.check()


def call_of(name: str, folder: Path) -> Call:
    """Prepare a call in a folder."""
    labels = np.zeros((60, 80), np.uint16)
    labels[5:20, 5:20], labels[30:45, 40:60] = 1, 2
    image, mask, rois = (folder / ending for ending in ("a.tif", "a_labels.tif", "a_rois.zip"))
    tifffile.imwrite(image, labels * 100, imagej=True)
    tifffile.imwrite(mask, labels, imagej=True)
    Detections.from_labels(labels).write(rois)
    out = folder / "out"
    results = (out / "lbl/a_labels.tif", out / "roi/a_rois.zip", out / "tables/a_table.csv")
    calls: dict[str, Callable[[], Call]] = {
        "labels_to_rois": lambda: Call(
            name, {"label_file": str(mask), "roi_file": str(out / "b.zip")}, "wrote ",
            (out / "b.zip",), check=lambda: has_two(out / "b.zip"),
        ),
        "rois_to_labels": lambda: Call(
            name,
            {"roi_file": str(rois), "image_file": str(image), "label_file": str(out / "b.tif")},
            "wrote ", (out / "b.tif",), check=lambda: has_labels(out / "b.tif", labels),
        ),
        "push_rois": lambda: Call(
            name, {"image_file": str(image), "roi_file": str(rois)}, "showing 2 ROIs on a.tif"
        ),
        "measure_rois": lambda: Call(
            name, {"image_file": str(image), "roi_file": str(rois), "table_folder": str(out)},
            "wrote ", (out / "a_table.csv",),
        ),
        "otsu_baseline": lambda: Call(
            name, {"image_file": str(image), "result_folder": str(out), "sigma": "0"},
            "wrote ", results, check=lambda: has_labels(results[0], labels),
        ),
        "probability_postprocess": lambda: Call(
            name,
            {"map_file": str(map_of(labels, folder)), "image_file": str(image),
             "result_folder": str(out), "cutoff": "0.25", "cut_apart": "no"},
            "wrote ", results, check=lambda: has_labels(results[0], labels),
        ),
        "starbridge_segment": lambda: segment_call(name, folder, image, rois, mask),
        "stardist_haug2": lambda: Call(
            name, {"model_file": str(folder / "gone.zip"), "image_file": str(image),
                   "result_folder": str(out)},
            "gone.zip does not exist; choose the zip", fails=True,
        ),
        "take_new_segmentation": lambda: review_call(name, folder, labels, "echo a_rois.zip"),
        "what_have_i_changed": lambda: review_call(
            name, folder, labels, "echo 'a: 2 nuclei since the last push'"
        ),
    }  # fmt: skip
    return calls[name]()


def map_of(labels: np.ndarray, folder: Path) -> Path:
    """Write a probability map, 0.3 in the objects."""
    path = folder / "map.tif"
    tifffile.imwrite(path, (labels > 0).astype(np.float32) * np.float32(0.3), imagej=True)
    return path


def stand_in(folder: Path, script: str) -> str:
    """Write a program that stands for the command starbridge."""
    path = folder / "star bridge"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def segment_call(name: str, folder: Path, image: Path, rois: Path, mask: Path) -> Call:
    """Prepare a call of the macro that runs ``starbridge segment``; a program copies results."""
    out = folder / "out"
    results = (out / "lbl/a_labels.tif", out / "roi/a_rois.zip")
    copies = "; ".join(
        f'mkdir -p "$6/{to.parent.name}"; '
        f'cp "$(dirname "$2")/{source.name}" "$6/{to.parent.name}/{to.name}"'
        for source, to in zip((mask, rois), results, strict=True)
    )
    command = stand_in(folder, f'test "$4" = demo && {copies}')
    settings = {"image_file": str(image), "result_folder": str(out), "command_path": command}
    return Call(name, settings, "wrote ", results)


def review_call(name: str, folder: Path, labels: np.ndarray, script: str) -> Call:
    """Prepare a call for an open review; a program stands for the command."""
    picture = from_array(labels * 100, pixel_size=0.5, name="a")
    objects = Detections.from_labels(labels, image=replace(picture.info, path=None))
    push_files(picture, objects, folder / "review")
    opens = (folder / "review/a.tif", folder / "review/a_rois.zip")
    settings = {"command_path": stand_in(folder, script)}
    if name == "what_have_i_changed":
        return Call(name, settings, "a: 2 nuclei since the last push", opens=opens)
    settings["new_segmentation"] = str(folder / "a_rois.zip")
    return Call(name, settings, f"merges {folder / 'a_rois.zip'} into the review", opens=opens)


def has_two(path: Path) -> None:
    """Check that a RoiSet.zip has the two objects."""
    assert len(Detections.read(path)) == 2


def has_labels(path: Path, labels: np.ndarray) -> None:
    """Check that a label image has the two objects, whatever their numbers."""
    found = tifffile.imread(path)
    assert np.array_equal(found > 0, labels > 0)
    assert len(np.unique(found)) == 3
