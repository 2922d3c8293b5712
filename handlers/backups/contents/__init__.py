"""What goes into a snapshot beside the dump, and the facts by which a restore is judged."""
