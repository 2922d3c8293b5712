"""Commands that are answered at once and start nothing."""
