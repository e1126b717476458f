"""Interactive pages: figures and tables in one HTML file that needs no network."""
