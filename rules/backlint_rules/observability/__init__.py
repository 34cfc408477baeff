"""Logs, metrics, traces, time."""
