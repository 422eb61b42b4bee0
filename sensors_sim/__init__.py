"""Simulated structures with ground truth: what was damaged, where, when, how much."""
