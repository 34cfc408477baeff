"""What generated code leaves behind."""
