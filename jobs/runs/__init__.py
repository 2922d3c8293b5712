"""What a run writes and what is known of its processes."""
