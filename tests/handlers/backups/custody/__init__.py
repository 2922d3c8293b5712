"""Tests of handlers/backups/custody/."""
