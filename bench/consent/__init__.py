"""A small world in which people consent, and a plain judge of what may start in it."""
