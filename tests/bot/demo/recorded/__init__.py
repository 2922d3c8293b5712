"""For each recorded request the equivalent request to the simulated server."""
