"""Tests of handlers/backups/restoring/."""
