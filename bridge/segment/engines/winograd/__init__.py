"""starbridge's own engine: single precision in fewer multiplications.

The README beside this file explains the algorithm and the modules.
"""
