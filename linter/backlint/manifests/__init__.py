"""What a project says it depends on, and the names its distributions are imported by."""
