"""Tests of handlers/backups/sealing/."""
