"""How events become decisions that are committed, whatever the disk does meanwhile."""
