"""Measurements that print one JSON line each."""
