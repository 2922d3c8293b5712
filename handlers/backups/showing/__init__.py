"""Show one copy whole, and how it is restored without this program."""
