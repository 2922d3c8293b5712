"""Random histories of copies, pruned for real, and a judge of what must never happen."""
