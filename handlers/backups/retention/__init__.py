"""Which copies go, which stay and why, and how those that go do so."""
