"""Tests of bot/receiving/."""
