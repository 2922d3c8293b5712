"""Who has shown to hold the recovery keys, and when."""
