"""The process in which QuPath lives. Started by :mod:`bridge.apps.qupath.session`, never imported.

paquo starts QuPath's Java when it is imported, which is why nothing outside this package does so.
"""
