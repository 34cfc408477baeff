"""Queries, pagination, transactions."""
