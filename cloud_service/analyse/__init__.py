"""Analysis: journal frames in, findings, rows and incidents out, as one pure step over committed state."""
