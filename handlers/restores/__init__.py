"""Restores on the running server: beside what is there, checked, and then swapped by renaming."""
