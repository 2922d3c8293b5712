"""Tests of handlers/host/."""
