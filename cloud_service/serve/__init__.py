"""Serve: pages for people, a JSON API, health and metrics."""
