"""The journal: what the service has accepted, in order; the boundary between ingest and analysis."""
