"""The HTTP face of the simulated server, as a Zulip 9.2 shows it."""
