"""Tests of what a run writes and what is known of its processes."""
