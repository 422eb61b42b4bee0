"""The durable outbox: frames stay here until the service has stored them."""
