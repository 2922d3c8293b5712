"""Tests of handlers/backups/telling/."""
