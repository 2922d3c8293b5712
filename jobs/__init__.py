"""When, and under which conditions, handlers run."""
