"""Errors with a message for the person who ran the program.

BacklintError
├── UsageError          wrong arguments, paths or configuration: exit status 2
│   └── ConfigurationError   names the file, the key and the nearest valid name
└── PluginError         a rule pack that can't be loaded: a notice, exit status 3
"""


class BacklintError(Exception):
    """Base of all; `str(error)` is one clear line."""


class UsageError(BacklintError):
    """The command line asks for something that can't be done."""


class ConfigurationError(UsageError):
    """A configuration or library entry can't be read as meant."""


class PluginError(BacklintError):
    """A rule pack failed to load."""
