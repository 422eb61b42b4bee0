"""Blocks that are committed together become frames."""
