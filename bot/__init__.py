"""Listens in Zulip, understands commands, answers."""
