"""Who the agents are: one module an agent, and what all have in common."""
