"""Flips bytes of copies where they lie, and sees whether reading them back notices."""
