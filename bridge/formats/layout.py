"""Formats of objects, and where a folder of results keeps them."""

from __future__ import annotations

FORMATS = {
    "labels": "lbl/{name}_labels.tif",
    "hdf5": "lbl/{name}_labels.h5",
    "rois": "roi/{name}_rois.zip",
    "geojson": "geojson/{name}.geojson",
    "csv": "tables/{name}.csv",
    "parquet": "tables/{name}.parquet",
    "preview": "preview/{name}.png",
}
"""What can be written, and where in the output folder."""

DEFAULT_FORMATS = ("labels", "hdf5", "rois", "geojson", "csv", "preview")

RECORD = "run.json"
