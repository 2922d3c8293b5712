"""Commands about consent: what waits for it, giving and refusing it, and why it is as it is."""
