"""Queues, workers, schedules."""
