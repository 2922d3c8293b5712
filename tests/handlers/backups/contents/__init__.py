"""Tests of handlers/backups/contents/."""
