"""Imitations of the scripts in a code tree of Zulip, for the sample host."""
