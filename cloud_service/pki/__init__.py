"""A small certificate authority for sites without one: who is who, and who is no longer."""
