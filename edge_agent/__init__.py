"""The agent on a gateway: source → window → outbox → publish."""
