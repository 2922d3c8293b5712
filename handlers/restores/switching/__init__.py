"""Switch to what was restored by renaming, and back where that fails."""
