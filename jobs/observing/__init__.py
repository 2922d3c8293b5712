"""How one round of observations is made and read."""
