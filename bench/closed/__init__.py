"""Plans that wait with a true ✅ on them, while the server answers every question wrongly."""
