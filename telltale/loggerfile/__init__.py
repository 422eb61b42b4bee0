"""Reading what data loggers write: Campbell TOA5, plain CSV, npz. Used by replay and by the offline look at a file.

`open_logger_file` streams, for files larger than memory; `read_logger_file` returns whole columns.
"""

from telltale.loggerfile.read import open_logger_file, read_logger_file
from telltale.loggerfile.recording import Column, LoggerReader, ReadOptions, Recording, Rows

__all__ = [
    "Column",
    "LoggerReader",
    "ReadOptions",
    "Recording",
    "Rows",
    "open_logger_file",
    "read_logger_file",
]
