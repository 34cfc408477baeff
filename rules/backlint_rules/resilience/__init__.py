"""Timeouts, retries, pools, caches, the event loop."""
