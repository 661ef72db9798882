"""Who may log in: the rules of names, passwords and attempts, without any I/O."""
