"""A Debian that is really booted, and what is tried on it."""
