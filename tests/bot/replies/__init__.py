"""Tests of bot/replies/."""
