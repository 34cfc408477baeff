"""Evaluates the code of a base class for the class of the object that it runs on.

Values are worked out once a file, with `self` as an object of the class that the code is written in. Where
a subclass says more (`model = User`, `Repository[User]`), the terms that depend on it are evaluated again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.callers import parts
from backlint.link.evaluate import DEEPEST, Evaluator
from backlint.link.term_values import EVALUATE
from backlint.link.values import UNKNOWN, ClassValue, FunctionValue, InstanceValue, Value
from backlint.summary import EventKind
from backlint.term import Attr, Call, Instance, Param, Super

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.link.relations import Relations
    from backlint.summary import FunctionSummary


class ConcreteEvaluator(Evaluator):
    """Sees one class of the project through an object or class that inherits from it."""

    def __init__(self, base: Evaluator, cls: ProjectClass, receiver: ClassValue | InstanceValue) -> None:
        self.__dict__.update(base.__dict__)
        self._cls = cls
        self._receiver = receiver
        self._variables = base.generics.arguments(receiver, cls.symbol)
        self._values: dict[int, Value] = {}
        self._given: dict[int, Value] = {}
        self._yielding: dict[int, Value] = {}
        self._dependent = base.dependent.setdefault(cls.symbol, {})

    @property
    def relations(self) -> Relations:
        return self.plain.relations

    def value(self, file: FileNode, term: int) -> Value:
        base = self.plain
        if term < 0 or file.index != self._cls.file.index or not self._depends(term):
            return base.value(file, term)
        found = self._values.get(term)
        if found is not None:
            return found
        if base.depth > DEEPEST:
            return UNKNOWN
        self._values[term] = UNKNOWN
        row = file.summary.terms[term]
        base.depth += 1
        try:
            found = self._values[term] = EVALUATE[row.__class__](self, file, row)
        finally:
            base.depth -= 1
        return found

    def returned(self, function: FunctionValue) -> Value:
        return self.plain.returned(function)

    def returned_here(self, function: FunctionValue) -> Value:
        """What a method of the class gives, before `self` is put in its place."""
        found = self._given.get(function.function)
        if found is None:
            self._given[function.function] = UNKNOWN
            found = self._given[function.function] = self._returned(function)
        return found

    def yielded(self, function: FunctionValue) -> Value:
        summary = self.index.function(function.file, function.function)
        if function.file != self._cls.file.index or summary.cls != self._cls.number:
            return self.plain.yielded(function)
        found = self._yielding.get(function.function)
        if found is None:
            self._yielding[function.function] = UNKNOWN
            found = self._yielding[function.function] = self._yielded(function)
        return found

    def own(self, file: FileNode, function: int, summary: FunctionSummary) -> ClassValue | InstanceValue:
        if file.index != self._cls.file.index or summary.cls != self._cls.number:
            return super().own(file, function, summary)
        made = ClassValue if self._is_classmethod(file, function) else InstanceValue
        return made(self._receiver.symbol, self._receiver.arguments)

    def super_of(self, file: FileNode, cls: int) -> InstanceValue:
        found = super().super_of(file, cls)
        if file.index != self._cls.file.index or cls != self._cls.number:
            return found
        return InstanceValue(self._receiver.symbol, self._receiver.arguments, found.symbol)

    def type_variable(self, symbol: str) -> Value:
        found = self._variables.get(symbol, UNKNOWN)
        return self.plain.type_variable(symbol) if found is UNKNOWN else found

    def parameter(self, file: FileNode, row: Param) -> Value:
        found = super().parameter(file, row)
        return self._handed_to_super(row) if found is UNKNOWN else found

    def _handed_to_super(self, row: Param) -> Value:
        """What a subclass passes to `super().__init__(…)` for a parameter of this class's."""
        summary = self._cls.file.summary.functions[row.function]
        if summary.name != f"{self._cls.summary.name}.__init__":
            return UNKNOWN
        names = [parameter.name for parameter in summary.parameters][1:]
        if row.name not in names:
            return UNKNOWN
        for ancestor in self.classes.order(self._receiver.symbol):
            cls = self.classes.project_class(ancestor)
            method = None if cls is None or cls is self._cls else cls.method("__init__")
            if cls is None or method is None:
                continue
            terms = cls.file.summary.terms
            for event in cls.file.summary.functions[method].events:
                call = terms[event.term] if event.kind == EventKind.CALL else None
                callee = terms[call.function] if isinstance(call, Call) else None
                if not isinstance(call, Call) or not isinstance(callee, Attr) or callee.name != "__init__":
                    continue
                if isinstance(terms[callee.base], Super):
                    position = names.index(row.name)
                    given = dict(call.keywords).get(row.name)
                    if given is None and position < len(call.arguments):
                        given = call.arguments[position]
                    return UNKNOWN if given is None else self.plain.value(cls.file, given)
            return UNKNOWN
        return UNKNOWN

    def _depends(self, term: int) -> bool:
        """Whether a term may mean something else for the concrete class."""
        found = self._dependent.get(term)
        if found is None:
            self._dependent[term] = False
            found = self._dependent[term] = self._mentions_class(term)
        return found

    def _mentions_class(self, term: int) -> bool:
        summary = self._cls.file.summary
        row = summary.terms[term]
        if isinstance(row, Param):
            return summary.functions[row.function].cls == self._cls.number
        if isinstance(row, Super):
            return row.cls == self._cls.number
        if isinstance(row, Instance):
            return bool(self.generics.parameters(self._cls))
        return any(self._depends(part) for part in parts(self._cls.file, term))


def inherited(evaluator: Evaluator, function: FunctionValue) -> ConcreteEvaluator | None:
    """The evaluator for a method as its receiver sees it; None where that is the class it is written in."""
    receiver = function.receiver
    if not isinstance(receiver, InstanceValue | ClassValue):
        return None
    file = evaluator.index.files[function.file]
    summary = file.summary.functions[function.function]
    return None if summary.cls < 0 else seen_by(evaluator, evaluator.owner(file, summary), receiver)


def seen_by(
    evaluator: Evaluator, symbol: str, receiver: ClassValue | InstanceValue
) -> ConcreteEvaluator | None:
    """The evaluator for the code of a class as an object of a subclass sees it; None where it sees no more."""
    if receiver.symbol == symbol and not receiver.arguments:
        return None
    cls = evaluator.classes.project_class(symbol)
    if cls is None or symbol not in evaluator.classes.order(receiver.symbol):
        return None
    plain = type(receiver)(receiver.symbol, receiver.arguments)
    found = evaluator.concrete.get((symbol, plain))
    if found is None:
        found = evaluator.concrete[symbol, plain] = ConcreteEvaluator(evaluator.plain, cls, plain)
    return found
