"""How one row of the outbox becomes a message."""
