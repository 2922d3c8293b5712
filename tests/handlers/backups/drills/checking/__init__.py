"""Tests of handlers/backups/drills/checking/."""
