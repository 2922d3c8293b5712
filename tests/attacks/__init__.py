"""The attacks of docs/security.md, each played and ended by its reason."""
