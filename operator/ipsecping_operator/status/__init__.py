"""The status of a check: built as a whole by a pure function, written within a budget."""
