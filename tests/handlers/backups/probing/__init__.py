"""Tests of handlers/backups/probing/."""
