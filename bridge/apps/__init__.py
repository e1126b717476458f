"""The applications that starbridge works with, one folder or file each."""
