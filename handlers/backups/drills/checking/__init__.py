"""Hold what was restored to what the copy says of it."""
