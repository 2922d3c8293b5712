"""Read copies back from where they lie."""
