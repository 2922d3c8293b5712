"""Tests of bench/power/."""
