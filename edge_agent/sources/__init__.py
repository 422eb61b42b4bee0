"""Sources: how readings enter the agent."""
