"""What edge and cloud share: readings, findings, wire format, topics, settings, clock, errors."""

__version__ = "0.1.0"
