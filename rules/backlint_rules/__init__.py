"""The built-in rule pack: one module a rule, families as packages, library entries beside them."""
