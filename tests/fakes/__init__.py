"""Small stand-ins behind protocols of our own."""
