"""What each event means, one transaction at a time."""
