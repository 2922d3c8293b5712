"""Tests of the ways in which a run is started."""
