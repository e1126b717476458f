"""The steps of a StarDist script as published with haug2: the peer of ``starbridge segment``.

``python -m benchmarks.stardist_script IMAGE.tif MODEL_FOLDER OUT`` reads the image, normalises its
first channel, predicts in 3 x 3 tiles, and writes label TIFF, label HDF5 and ImageJ ROIs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import tifffile


def main() -> None:
    """Run the steps, and print the number of objects."""
    from csbdeep.utils import normalize
    from stardist import export_imagej_rois
    from stardist.models import StarDist2D

    from bridge.model.folder import open_model

    image, model_folder, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    recipe = open_model(model_folder).recipe
    folder = open_model(model_folder).path
    model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
    plane = normalize(tifffile.imread(image)[0], *recipe.percentiles)
    labels, details = model.predict_instances(
        plane,
        n_tiles=(3, 3),
        prob_thresh=recipe.prob,
        nms_thresh=recipe.nms,
        show_tile_progress=False,
    )
    tifffile.imwrite(out / "labels.tif", labels)
    with h5py.File(out / "labels.h5", "w") as file:
        file.create_dataset("labels", data=labels, compression="gzip")
    export_imagej_rois(str(out / "rois.zip"), details["coord"])
    print(len(details["prob"]))


if __name__ == "__main__":
    main()
