"""The demo model and its simulator."""
