"""ImageJ ROIs as areas that have exactly the pixels that ImageJ gives them.

:mod:`.areas` makes an area of each type of ROI, :mod:`.curves` turns curves into lines as ImageJ
does, and :mod:`.filling` holds ImageJ's rule for which pixels are inside.
"""
