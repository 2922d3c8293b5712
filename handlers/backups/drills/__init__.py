"""Bring copies to life in a scratch place, to prove that they can be restored."""
