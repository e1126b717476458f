"""ilastik found, run without its window, and its results checked."""
