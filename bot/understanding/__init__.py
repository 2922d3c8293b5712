"""From the text of a message to a verb with typed arguments."""
