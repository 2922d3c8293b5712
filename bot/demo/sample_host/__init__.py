"""A host with a Zulip server on it, imitated below a temporary root, for the demo and the tests."""
