"""The host's own command line, and what keeps two bots apart."""
