"""What each check says of the sample host."""
