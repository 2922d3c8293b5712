"""Tests of handlers/restores/."""
