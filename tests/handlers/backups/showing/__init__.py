"""Tests of handlers/backups/showing/."""
