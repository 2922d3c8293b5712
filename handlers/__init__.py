"""What can be done on the host, one module each."""
