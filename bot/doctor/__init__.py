"""Tries every path for real, and says what to do about each failure."""
