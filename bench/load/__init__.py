"""What the measurements put on the bot: gaps full of messages, floods of commands."""
