"""The ways in which a run is started."""
