"""The realm as data and rules, without HTTP: people, channels, messages, reactions, edits."""
