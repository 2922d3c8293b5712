"""Tests of handlers/backups/drills/."""
