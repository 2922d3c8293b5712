"""The sample host behaves as a Zulip host does."""
