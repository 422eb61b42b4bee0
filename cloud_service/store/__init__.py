"""Where results live. Two stores behind one port: embedded SQLite and InfluxDB."""
