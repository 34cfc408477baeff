"""What earlier runs have worked out, kept by content."""
