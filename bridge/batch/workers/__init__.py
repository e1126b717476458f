"""Run the items of a batch in this process, in several, or on a Dask cluster."""
