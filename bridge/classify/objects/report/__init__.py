"""Report of a classifier of objects: how right it is, where not, and what it looks at."""

from bridge.classify.objects.report.page import FILES, write_class_report

__all__ = ["FILES", "write_class_report"]
