"""Kills the bot and its runs at named places, and judges what is left."""
