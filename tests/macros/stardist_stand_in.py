"""A stand-in for Fiji's StarDist plugin, which is on no registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from bridge.model.macro_settings import macro_literal

FUNCTION = "function runStarDist(title, settings)"


def with_stand_in(macro: str, folder: Path) -> str:
    """Return a macro in which a threshold of 0.5 in the first channel finds the nuclei.

    Args:
        macro: its text.
        folder: gets each image that the plugin is given, as ``0.tif``, ``1.tif`` and so on; its
            settings are printed.
    """
    start = macro.index(FUNCTION)
    end = macro.index("\n}\n", start) + 3
    assert macro.count(FUNCTION) == macro.count("if (!hasStarDist()) {") == 1
    folder.mkdir(exist_ok=True)
    stand_in = f"""{FUNCTION} {{
	folder = {macro_literal(f"{folder}/")};
	n = 0;
	while (File.exists(folder + n + ".tif")) n++;
	selectImage(title);
	run("Duplicate...", "title=starbridge-given duplicate");
	saveAs("Tiff", folder + n + ".tif");
	close();
	print(settings);
	selectImage(title);
	run("Duplicate...", "title=starbridge-mask");
	mask = getImageID();
	setThreshold(0.5, 1e30);
	run("Convert to Mask");
	run("Analyze Particles...", "size=1-Infinity pixel show=[Count Masks] clear");
	found = getImageID();
	selectImage(mask);
	close();
	selectImage(found);
	return "";
}}
"""
    text = macro[:start] + stand_in + macro[end:]
    return text.replace("if (!hasStarDist()) {", "if (false) {")


def given_images(folder: Path) -> list[NDArray[Any]]:
    """Return the images that the plugin was given, in their order."""
    count = len(list(folder.glob("*.tif")))
    return [tifffile.imread(folder / f"{n}.tif") for n in range(count)]
