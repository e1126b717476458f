"""Classed objects from files: GeoJSON and tables, ilastik's projects, crops."""
