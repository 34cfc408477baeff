"""Passwords, keys, tokens and sessions."""
