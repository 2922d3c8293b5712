"""What is told of a backup: how far it is, and what it came to."""
