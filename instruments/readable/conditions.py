"""Conditions in words: relevance, limits and filters of a form as plain sentences of one language.

Statements on one answer are brought together, limits become ranges, years and months come before and after
one another. What cannot be said is shown as the expression it is, and `Told.whole` is then False: nothing is
left out. What rows are called is `names`, the words between them are data (`phrases`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instruments.readable import patterns
from instruments.readable.names import Nameless, Names
from instruments.readable.statements import (
    Alone,
    Among,
    Between,
    Options,
    Statement,
    gathered,
    single,
)
from instruments.readable.syntax import (
    Call,
    Joined,
    Literal,
    Lookup,
    Not,
    Own,
    Pair,
    Ref,
    Tree,
    Word,
    inwards,
    parse,
)

MANY = 8
_TIMES = ("century month", "year", "date", "datetime")
_PLAIN = {"<": "less", "<=": "at_most", ">": "more", ">=": "at_least", "=": "is", "!=": "is_not"}
_IN_TIME = _PLAIN | {"<": "before", "<=": "not_after", ">": "after", ">=": "not_before"}
_TRANSPARENT = ("number", "int", "string", "round", "decimal-date-time", "date", "boolean")
_ARITHMETIC = {"+": "+", "-": "−", "*": "×", "div": "÷"}
_EMPTY = Literal("", False)
_CENTURY = Literal("1900", True)


@dataclass(frozen=True, slots=True)
class Told:
    """A condition in words; not whole if part of it is still an expression."""

    text: str
    whole: bool = True


def tell(expression: str, names: Names, own: str = "") -> Told:
    """A condition in words; `own` is the question whose answer it judges, or whose list it filters."""
    plain = " ".join(expression.split())
    try:
        text = _Teller(names, own).condition(inwards(parse(expression)))
    except (Nameless, ValueError):
        return Told(names.phrases("verbatim", expression=plain), whole=False)
    return Told(text)


def tell_all(expressions: Sequence[str], names: Names, own: str = "") -> Told:
    """Several conditions that must all be met, as one sentence; each by itself, so one that cannot be said
    does not take the others with it."""
    told = [tell(one, names, own) for one in dict.fromkeys(expressions) if one.strip()]
    return Told(names.phrases("semicolon").join(one.text for one in told), all(one.whole for one in told))


class _Teller:
    """Says the trees of one expression."""

    def __init__(self, names: Names, own: str) -> None:
        self.names, self.phrases, self.own = names, names.phrases, own

    def condition(self, tree: Tree, *, inner: bool = False) -> str:
        if not isinstance(tree, Joined):
            return self._statement(single(tree, self._options))
        joined = gathered(tree, self._options)
        if len(joined) == 1:
            return self._statement(joined[0])
        if tree.word == "or" and (values := self._values(joined)):
            return values
        said_all = [self._statement(part) for part in joined]
        text = self.phrases.listed(said_all, f"{tree.word}_conditions")
        return self.phrases("bracket", text=text) if inner else text

    def _statement(self, statement: Statement) -> str:
        match statement:
            case Joined():
                return self.condition(statement, inner=True)
            case Among():
                return self._among(statement)
            case Between(what, low, high):
                return self.phrases(
                    "between", what=self.thing(what), low=self._value(low, what), high=self._value(high, what)
                )
            case Alone(what, codes):
                values = self.phrases.listed([self._label(what, code) for code in codes], "and")
                return self.phrases("alone", what=self.thing(what), values=values)
            case Pair(sign, left, right) if sign in _PLAIN:
                return self._compared(sign, left, right)
            case Call("true" | "false" as truth, ()):
                return self.phrases("always" if truth == "true" else "never")
            case Call("if", (asked, then, otherwise)):
                return self.phrases(
                    "if_then",
                    asked=self.condition(inwards(asked)),
                    then=self.condition(inwards(then)),
                    otherwise=self.condition(inwards(otherwise)),
                )
            case Call("regex", (what, Literal(pattern, _))):
                return self.phrases("matches", what=self.thing(what), pattern=patterns.in_signs(pattern))
            case Call("selected", (what, value)):
                return self.phrases("includes", what=self.thing(what), value=self._value(value, what))
            case Not(Call("selected", (what, value))):
                return self.phrases("includes_not", what=self.thing(what), value=self._value(value, what))
            case Ref() | Own():
                return self.phrases("has_answer", what=self.thing(statement))
            case Not(Ref() | Own() as what):
                return self.phrases("has_no_answer", what=self.thing(what))
        raise Nameless(str(statement))

    def _values(self, parts: Sequence[Statement]) -> str:
        """“The answer is from 0 to 20, or -98”: several values of one thing; "" where it is not that."""
        things = {_valued(part) for part in parts}
        (what, *others) = things
        if what is None or others:
            return ""
        if self._is_time(what) and any(isinstance(part, Pair) and part.sign != "=" for part in parts):
            return ""
        said = [
            self.phrases("value_between", low=self._value(part.low, what), high=self._value(part.high, what))
            if isinstance(part, Between)
            else self.phrases(f"value_{_PLAIN[part.sign]}", value=self._value(part.right, what))
            for part in parts
            if isinstance(part, Between | Pair)
        ]
        return self.phrases("is", what=self.thing(what), value=self.phrases.listed(said, "or_conditions"))

    def _compared(self, sign: str, left: Tree, right: Tree) -> str:
        if _EMPTY in (left, right):
            what = self.thing(right if left == _EMPTY else left)
            return self.phrases("has_no_answer" if sign == "=" else "has_answer", what=what)
        if sign in ("=", "!=") and isinstance(right, Ref):
            key = "same" if sign == "=" else "not_same"
            return self.phrases(key, what=self.thing(left), other=self.thing(right))
        signs = _IN_TIME if self._is_time(left) or self._is_time(right) else _PLAIN
        return self.phrases(signs[sign], what=self.thing(left), value=self._value(right, left))

    def _among(self, statement: Among) -> str:
        what, codes = statement.what, statement.codes
        options = self._options(what)
        known = options.codes if options else ()
        others = [code for code in known if code not in codes]
        several = "_any" if statement.several else "_computed" if self._is_computed(what) else ""
        if statement.negative or (len(codes) > MANY and len(others) < len(codes)):
            if not others:
                return self.phrases("always")
            values = self.phrases.listed(self._label(what, code) for code in others)
            return self.phrases(f"is_not{several}", what=self.thing(what), value=values)
        chosen = [code for code in known if code in codes] + sorted(codes - set(known))
        if not chosen:
            return self.phrases("never")
        values = self.phrases.listed(self._label(what, code) for code in chosen)
        return self.phrases(f"is{several}", what=self.thing(what), value=values)

    def thing(self, tree: Tree) -> str:
        """A value in words: an answer, a number, a moment, a sum."""
        match tree:
            case Own():
                return self.phrases("own")
            case Ref(name):
                return self.phrases("own") if name == self.own else self.names.of(name)
            case Word("name"):
                return self.phrases("choice")
            case Word(name):
                return self.phrases("attribute", column=name)
            case Literal(text, _):
                return text
            case Lookup(_, Pair("=", Word("name"), what), column):
                return self.phrases("lookup_of", column=column, what=self.thing(what))
            case Lookup(list_name, where, column):
                return self.phrases(
                    "lookup", column=column, list=list_name, where=self.condition(inwards(where), inner=True)
                )
            case Call("format-date", (Ref("today"), Literal("%Y", _))):
                return self.phrases("year_of_interview")
            case Call("format-date", (what, Literal(form, _))):
                return self.phrases({"%Y": "year_of", "%n": "month_of"}[form], what=self.thing(what))
            case Call("count-selected", (Own(),)):
                return self.phrases("number_chosen_own")
            case Call("count-selected", (what,)):
                return self.phrases("number_chosen", what=self.thing(what))
            case Call("count", (what,)):
                return self.phrases("number_entries", what=self.thing(what))
            case Call("string-length", (what,)):
                return self.phrases("number_signs", what=self.thing(what))
            case Call("sum", (what,)) if self._counts(what):
                return self.phrases("number_with", what=self.thing(what))
            case Call("sum" | "min" | "max" as kind, (what,)):
                return self.phrases(f"{kind}_over", what=self.thing(what))
            case Call("join", (_, what)):
                return self.thing(what)
            case Call("coalesce", (first, second)):
                return self.phrases("or_else", first=self.thing(first), second=self.thing(second))
            case Call(name, (what,)) if name in _TRANSPARENT:
                return self.thing(what)
            case Pair():
                return self._calculated(tree)
        raise Nameless(str(tree))

    def _calculated(self, tree: Pair) -> str:
        """A calculation: months and years of the count of months by their names, the rest by its signs."""
        match tree:
            case Pair("+", Pair("*", Pair("-", year, century), Literal("12", _)), month) if (
                century == _CENTURY
            ):
                said = self.phrases("own_month") if isinstance(month, Own) else self.thing(month)
                return self.phrases("month_in_year", month=said, year=self.thing(year))
            case Pair("+", century, Call("int", (Pair("div", Pair("-", month, _), _),))) if (
                century == _CENTURY
            ):
                return self.phrases("year_of", what=self.thing(month))
            case Pair("div", Literal(left, True), Literal(right, True)) if float(right):
                return f"{float(left) / float(right):.12g}"
            case Pair(sign, left, right) if sign in _ARITHMETIC:
                return f"{self.thing(left)} {_ARITHMETIC[sign]} {self.thing(right)}"
        raise Nameless(str(tree))

    def _value(self, tree: Tree, beside: Tree) -> str:
        """What something is compared with: a code by its label, a missing code with its reason."""
        if not isinstance(tree, Literal):
            return self.thing(tree)
        name = self._name(beside)
        if self._options(beside):
            return self._label(beside, tree.text)
        reason = self.names.reason(name, tree.text)
        return self.phrases("missing", code=tree.text, reason=reason) if reason else tree.text

    def _label(self, what: Tree, code: str) -> str:
        found = next((one for one in self.names.choices(self._name(what)) if one.name == code), None)
        return self.names.choice(found) if found else self.phrases("quote", text=code)

    def _options(self, what: Tree) -> Options | None:
        """What a select offers, None of what is none."""
        name = self._name(what)
        codes = tuple(choice.name for choice in self.names.choices(name))
        question = self.names.questions.get(name)
        several = question is not None and question.type == "select_multiple" and not isinstance(what, Word)
        return Options(codes, several) if codes else None

    def _name(self, tree: Tree) -> str:
        """The row whose answer it is, "" if it is more than an answer."""
        match tree:
            case Own() | Word("name"):
                return self.own
            case Ref(name):
                return name
            case Call("join", (_, Ref(name))) | Call("number" | "string", (Ref(name),)):
                return name
        return ""

    def _is_computed(self, tree: Tree) -> bool:
        question = self.names.questions.get(self._name(tree))
        return question is not None and question.kind == "calculate"

    def _counts(self, tree: Tree) -> bool:
        """Whether it is 1 or 0, so that a sum of it is how many there are."""
        options = self._options(tree)
        return options is not None and set(options.codes) == {"0", "1"}

    def _is_time(self, tree: Tree) -> bool:
        match tree:
            case Pair(_, left, right):
                return self._is_time(left) or self._is_time(right)
            case Call("format-date" | "decimal-date-time", _):
                return True
            case Call(_, (what,)):
                return self._is_time(what)
        variable = self.names.variables.get(self._name(tree))
        return variable is not None and (variable.unit in _TIMES or variable.type in _TIMES)


def _valued(part: Statement) -> Tree | None:
    """What a statement gives values of; None if it does something else."""
    if isinstance(part, Pair):
        return part.left if part.sign in _PLAIN and part.sign != "!=" and part.right != _EMPTY else None
    return part.what if isinstance(part, Between) else None
