"""What Zulip can be asked, and what it answers, in our words."""
