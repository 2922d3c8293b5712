"""Adds and changes what runs by itself."""
