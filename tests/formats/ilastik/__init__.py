"""Projects of ilastik: what is read and what is refused."""
