"""One observation of the host in each module."""
