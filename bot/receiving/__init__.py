"""How the line to Zulip is kept and made good after a gap."""
