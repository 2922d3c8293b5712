"""Changes the modules that decide, one place at a time, and looks whether their tests notice."""
