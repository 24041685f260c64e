"""The status of a check, read and built as a whole. Pure."""
