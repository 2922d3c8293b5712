"""Take, keep and read back copies of the server."""
