"""Which files a project has, what they are called as modules, and what they are for."""

from backlint.discovery.files import Discovery, SourceFile
from backlint.discovery.generated import is_generated
from backlint.discovery.kinds import classify, kind_of_path
from backlint.discovery.reading import read
from backlint.discovery.roots import project_root
from backlint.discovery.walk import discover, locate, would_find

__all__ = [
    "Discovery",
    "SourceFile",
    "classify",
    "discover",
    "is_generated",
    "kind_of_path",
    "locate",
    "project_root",
    "read",
    "would_find",
]
