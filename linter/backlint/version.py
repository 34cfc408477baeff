"""The version, kept apart so that `--version` reads nothing else; a test holds it to pyproject.toml."""

VERSION = "0.1.0"
