"""Everything a rule may import: the built-in pack uses nothing else.

A rule is a subclass of `Rule`. Its `visit_<Node>` methods get a `FileContext`, its `check` a
`Project` to ask and `Findings` to add to. See docs/writing-rules.md.
"""

from backlint.condition import All, AnyOf, Condition, HasEffect, HasRole, IsInstance, Names, Not
from backlint.effect import Effect, Role
from backlint.finding import Confidence, Edit, Evidence, Finding, Fix, Severity, Span
from backlint.fixes.source import SourceText
from backlint.libraries.entry import ClassEntry, FunctionEntry, QueryStep, Retry, Timeout
from backlint.link.constants import NO_CONSTANT
from backlint.link.effects import short_name
from backlint.link.filters import Filter
from backlint.link.findings import Findings
from backlint.link.flow import Flow, Origin
from backlint.link.flow.access import passed
from backlint.link.flow.identifiers import identifier_words, names_cleaning, names_secret
from backlint.link.flow.labels import (
    EXCEPTION,
    PERSONAL_DATA,
    QUERY_RESULT,
    REQUEST,
    REQUEST_BODY,
    SECRET,
    SETTINGS,
    Label,
)
from backlint.link.flow.sinks import SinkArgument, sink_arguments
from backlint.link.graph import CallSite, FunctionKey, LinkedFunction, Site, bare
from backlint.link.index import FileNode
from backlint.link.models import Field
from backlint.link.path_convention import Untied
from backlint.link.project import Project
from backlint.link.project_settings import Setting
from backlint.link.query import Place, Query, Step
from backlint.link.relations import Relation
from backlint.link.routes.model import Guard, GuardKind, ParameterSource, Route, RouteKind, RouteParameter
from backlint.link.schemas import Extra, Schema, SchemaField
from backlint.link.sql import literal_text, sql_locks, sql_table, sql_upserts, sql_verb, statement_effects
from backlint.link.statements import Statement
from backlint.link.unscoped import Unscoped
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    UnionValue,
    Value,
    options,
)
from backlint.manifests.dependencies import (
    Declared,
    brought_by,
    distributions,
    is_declared,
    is_standard,
    known_modules,
    unaccounted,
)
from backlint.rule import SERVICE_CODE, Rule
from backlint.summarise.context import FileContext
from backlint.summary import (
    Block,
    BlockKind,
    ClassAttribute,
    ClassSummary,
    Event,
    EventKind,
    FileKind,
    Parameter,
    Use,
)
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Caught,
    Compare,
    Comprehension,
    Const,
    Element,
    Entered,
    Function,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Super,
    Term,
    Text,
    Unknown,
)

__all__ = [
    "EXCEPTION",
    "NO_CONSTANT",
    "PERSONAL_DATA",
    "QUERY_RESULT",
    "REQUEST",
    "REQUEST_BODY",
    "SECRET",
    "SERVICE_CODE",
    "SETTINGS",
    "UNKNOWN",
    "All",
    "AnyOf",
    "Attr",
    "Awaited",
    "Block",
    "BlockKind",
    "Call",
    "CallSite",
    "Carried",
    "Caught",
    "ClassAttribute",
    "ClassEntry",
    "ClassSummary",
    "ClassValue",
    "Compare",
    "Comprehension",
    "Condition",
    "Confidence",
    "Const",
    "ConstantValue",
    "Declared",
    "Edit",
    "Effect",
    "Element",
    "Entered",
    "Event",
    "EventKind",
    "Evidence",
    "ExternalValue",
    "Extra",
    "Field",
    "FileContext",
    "FileKind",
    "FileNode",
    "Filter",
    "Finding",
    "Findings",
    "Fix",
    "Flow",
    "Function",
    "FunctionEntry",
    "FunctionKey",
    "FunctionValue",
    "Guard",
    "GuardKind",
    "HasEffect",
    "HasRole",
    "Instance",
    "InstanceValue",
    "IsInstance",
    "Item",
    "Join",
    "Label",
    "LibraryFunction",
    "LinkedFunction",
    "Local",
    "Mapping",
    "ModuleValue",
    "Name",
    "Names",
    "Not",
    "Operation",
    "Origin",
    "Param",
    "Parameter",
    "ParameterSource",
    "Place",
    "Project",
    "Query",
    "QueryStep",
    "Relation",
    "Retry",
    "Role",
    "Route",
    "RouteKind",
    "RouteParameter",
    "Rule",
    "Schema",
    "SchemaField",
    "Sequence",
    "Setting",
    "Severity",
    "SinkArgument",
    "Site",
    "Slice",
    "SourceText",
    "Span",
    "Star",
    "Statement",
    "Step",
    "Super",
    "Term",
    "Text",
    "Timeout",
    "UnionValue",
    "Unknown",
    "Unscoped",
    "Untied",
    "Use",
    "Value",
    "bare",
    "brought_by",
    "distributions",
    "identifier_words",
    "is_declared",
    "is_standard",
    "known_modules",
    "literal_text",
    "names_cleaning",
    "names_secret",
    "options",
    "passed",
    "short_name",
    "sink_arguments",
    "sql_locks",
    "sql_table",
    "sql_upserts",
    "sql_verb",
    "statement_effects",
    "unaccounted",
]
