"""Bring back what a copy holds: its dump into a database, its uploads into a directory."""
