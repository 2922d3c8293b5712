"""A simulated Zulip server and a sample host, for the demo and the tests."""
