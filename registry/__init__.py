"""What is known: tables, the store, the agents' directory and their outboxes."""
