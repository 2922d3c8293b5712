"""Tests of bot/deciding/."""
