"""Whether a copy can be restored here, what it would cost, and what it would lose."""
