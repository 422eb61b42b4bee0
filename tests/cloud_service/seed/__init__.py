"""A small site with everything in it, written to the databases by the service's own code: for notify and serve."""
