"""`telltale modes`: frequencies, damping and mode shapes of a structure from channels sampled at the same moments."""
