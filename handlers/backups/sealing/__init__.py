"""Seal copies with age, and open them again."""
