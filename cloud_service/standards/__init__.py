"""The registry of standards as a page: `telltale standards`."""
