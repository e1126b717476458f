"""The process in which ImageJ lives. Started by :mod:`bridge.apps.fiji.session`, never imported.

Everything here speaks to the classes of ImageJ 1, which the embedded ImageJ and Fiji share; only
:mod:`bridge.apps.fiji.worker.starting` knows which of them it is.
"""
