"""What the client sends."""
