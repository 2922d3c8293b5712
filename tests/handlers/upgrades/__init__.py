"""Tests of handlers/upgrades/."""
