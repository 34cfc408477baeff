"""From bytes to a syntax tree, and the comments that steer the linter."""
