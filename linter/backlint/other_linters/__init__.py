"""What ruff and bandit report by themselves, so that no fault is reported twice by two tools."""
