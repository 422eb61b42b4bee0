"""`telltale analyse`: an engineer's offline look at any logger file, by the detectors of the service."""
