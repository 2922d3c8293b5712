"""Tests of handlers/backups/reading/."""
