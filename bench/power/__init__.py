"""What would be left on the disk if the power failed at any moment of a recorded run."""
