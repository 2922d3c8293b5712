"""Tests of zulip-ops."""
