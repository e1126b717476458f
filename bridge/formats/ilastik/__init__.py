"""Files of ilastik: projects (.ilp), read and written by h5py alone.

Nothing in a project is unpickled, whatever it holds.
"""
