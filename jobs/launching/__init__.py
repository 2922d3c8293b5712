"""The two ways in which a run is started."""
