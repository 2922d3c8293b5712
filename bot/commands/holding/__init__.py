"""Commands that keep disruptive jobs from starting for a while, and list what keeps them."""
