"""The revisions, in order; each is frozen once released."""
