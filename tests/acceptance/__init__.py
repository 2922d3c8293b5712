"""Conversations: message in, replies, rows and host commands out."""
