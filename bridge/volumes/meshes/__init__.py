"""Surface meshes of volumes: made, measured, smoothed, decimated, drawn and written."""
