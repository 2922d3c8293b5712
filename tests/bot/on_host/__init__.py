"""Tests of bot/on_host/."""
