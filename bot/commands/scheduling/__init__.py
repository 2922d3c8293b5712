"""Commands that stop a schedule, let it go on, or have it run out of turn."""
