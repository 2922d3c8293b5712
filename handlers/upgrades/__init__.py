"""Upgrades of Zulip and the way back from them."""
