"""The service: ingest → journal → analyse → store → alert → notify → serve."""
