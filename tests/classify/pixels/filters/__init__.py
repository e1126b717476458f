"""Features of pixels are those of ilastik."""
