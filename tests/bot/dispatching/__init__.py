"""Tests of bot/dispatching/."""
