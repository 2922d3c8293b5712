"""Tests of handlers/schedules/."""
