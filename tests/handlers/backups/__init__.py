"""Tests of handlers/backups/."""
