"""Imports of what is not declared."""

from collections.abc import Iterator
from difflib import get_close_matches

from backlint.api import (
    SERVICE_CODE,
    Confidence,
    Declared,
    FileKind,
    FileNode,
    Findings,
    Project,
    Rule,
    Severity,
    Span,
    brought_by,
    distributions,
    is_declared,
    is_standard,
    known_modules,
    unaccounted,
)

_GENERIC = frozenset(
    {
        "config",
        "settings",
        "utils",
        "helpers",
        "common",
        "core",
        "lib",
        "app",
        "src",
        "tests",
        "test",
        "local_settings",
    }
)
_BUILD_TOOLS = frozenset({"setuptools", "pkg_resources", "wheel", "Cython", "numpy"})
"""What a `setup.py` may import: the build's requirements are no dependencies of the service (PEP 518)."""


class UndeclaredDependency(Rule):
    """Checks for imports that are neither standard library, nor the project's own, nor declared by a manifest.

    ## Why is this bad?
    The code runs on the machine where somebody has installed the package, and fails at start-up
    everywhere else. Names that are nearly right are worse: generated code invents packages, others register the
    invented names, and whoever installs what the traceback asks for runs their code.

    ## What to do instead
    Declare the distribution in the manifest (pyproject.toml, requirements.txt …), after a look at who publishes
    it. Guard what is optional with `try: import … except ImportError`.

    Only manifests are asked, those in the file's folder and above, with all groups and extras; never what is
    installed. Where a declared distribution has modules of unknown names, the report says less.

    ## Confidence
    High where it is known which distribution the module belongs to; medium where it is not; low where
    another declared distribution brings it along, or where one that is declared has modules of unknown
    names.

    ## What it leaves alone
    Standard library, the project's own modules from whatever folder, optional imports, imports for type
    checkers only, and projects whose manifest declares nothing.

    ## References
    - [CWE-1357: Reliance on Insufficiently Trustworthy Component](https://cwe.mitre.org/data/definitions/1357.html)
    - [PyPA: install_requires vs requirements files](https://packaging.python.org/en/latest/discussions/install-requires-vs-requirements/)
    """

    severity = Severity.ERROR
    kinds = SERVICE_CODE | {FileKind.SCRIPT, FileKind.MIGRATION}
    tags = ("CWE-1357",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the imports of every file that a manifest is in force for, each module once a manifest."""
        own = _own_names(project)
        imported = frozenset(symbol for file in project.files for symbol, _ in _imports(file))
        reported: set[tuple[str, str]] = set()
        for file in project.files:
            declared = project.dependencies.of(file.summary.path) if file.kind in self.kinds else None
            if declared is None:
                continue
            for symbol, span in _imports(file):
                top = symbol.partition(".")[0]
                if (
                    is_standard(top)
                    or (top in _BUILD_TOOLS and file.summary.path.rpartition("/")[2] == "setup.py")
                    or top in own
                    or top.startswith("_")
                    or is_declared(symbol, declared.names)
                ):
                    continue
                if (top, declared.manifest) not in reported:
                    reported.add((top, declared.manifest))
                    _report(project, findings, file, symbol, span, declared, imported)


def _imports(file: FileNode) -> Iterator[tuple[str, Span]]:
    """What a file needs to be imported, optional and type-checking imports left out."""
    longest: dict[tuple[str, int], tuple[str, Span]] = {}
    optional = {
        entry.target.partition(".")[0]
        for entry in file.summary.imports
        if entry.guard in ("optional", "typing")
    }
    for entry in file.summary.imports:
        top = entry.target.partition(".")[0]
        if not top or top in optional:
            continue
        known = longest.get((top, entry.span.line))
        if known is None or len(entry.target) > len(known[0]):
            longest[top, entry.span.line] = (entry.target, entry.span)
    yield from longest.values()


def _own_names(project: Project) -> set[str]:
    """Names that may mean something of the project, from whatever folder it is started."""
    names = set(project.index.top_level) | set(_GENERIC)
    for file in project.files:
        parts = file.summary.path.removesuffix(".py").split("/")
        names.update(parts)
    return names


def _report(
    project: Project,
    findings: Findings,
    file: FileNode,
    symbol: str,
    span: Span,
    declared: Declared,
    imported: frozenset[str],
) -> None:
    top = symbol.partition(".")[0]
    known = distributions(symbol)
    bringer = brought_by(symbol, declared.names)
    if not bringer and not declared.extras.isdisjoint(known):
        bringer = "an extra"
    near = (
        get_close_matches(top.lower(), sorted(known_modules() | declared.names), 1, 0.88) if not known else []
    )
    message = f"`{top}` is imported, but {declared.manifest} does not declare it"
    advice = f"declare `{known[0] if known else top.replace('_', '-')}` in {declared.manifest}"
    confidence = Confidence.HIGH if known else Confidence.MEDIUM
    if bringer:
        message += f": it is there only as long as {bringer} brings it along"
        confidence = Confidence.LOW
    elif near and near[0] != top:
        message += f", and it reads like `{near[0]}`: does it exist?"
        advice = f"find out whether `{top}` exists and who publishes it before you install it"
    elif not known and unaccounted(declared.names, imported):
        confidence = Confidence.LOW
    findings.add(
        project.graph.functions[file.index, 0], message, span=span, confidence=confidence, advice=advice
    )
