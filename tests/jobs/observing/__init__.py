"""Tests of jobs/observing/."""
