"""A Zulip server that is simulated over real HTTP, for the demo and the tests."""
