"""Find out what each store can do, and remember it there."""
