"""Where a drill takes place: a directory and a PostgreSQL of its own, gone when it ends."""
