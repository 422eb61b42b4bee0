"""Frames leave over MQTT; store-acks come back."""
