"""Manipulation: chunks become calibrated blocks, waveforms become windows aligned to the clock."""
