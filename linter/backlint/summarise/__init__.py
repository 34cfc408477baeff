"""Turns one file's bytes into its summary, alone and without side effects."""
