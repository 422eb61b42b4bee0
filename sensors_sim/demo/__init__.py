"""The whole system on one machine: broker, agent, service, page and mail, as the real processes with real settings."""
