"""Schema changes on live databases."""
