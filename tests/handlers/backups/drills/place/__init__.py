"""Tests of handlers/backups/drills/place/."""
