"""Ingest: MQTT → journal. A frame is acknowledged to the edge only when the journal has it."""
