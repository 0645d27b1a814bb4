"""DynamoDB's expressions, compiled once to functions of an item and of what the placeholders stand for.

Names are top-level attributes; paths into maps and lists, sets, and functions that refledger does not use are
NotModelled. Grammar and rules:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from importlib.resources import files
from typing import Any, Generic, TypeVar

from tests.support.memory.values import Attributes, Invalid, NotModelled, Unfit, Value, number, read_all

T = TypeVar("T")
EXPRESSION_LIMIT_BYTES = 4096
OPERANDS_OF_IN = 100
COMPILED = 4096
_TOKEN = re.compile(r"\s*(#\w+|:\w+|[A-Za-z]\w*|<>|<=|>=|[=<>(),+-])")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ORDERED = ("S", "N", "B")
FUNCTIONS = ("attribute_exists", "attribute_not_exists")


@dataclass(frozen=True)
class Given:
    """What the placeholders of a request stand for."""

    names: Mapping[str, str]
    values: Attributes


Test = Callable[[Attributes, Given], bool]
Operand = Callable[[Attributes, Given], Value | None]
Name = Callable[[Given], str]
Check = Callable[[Given], None]


@dataclass(frozen=True)
class Compiled(Generic[T]):
    """An expression: what it does, the placeholders in it, and what must hold of them whatever the item is."""

    does: T
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Change:
    """One action of an update: the attribute, and what it becomes (None: it goes)."""

    name: Name
    becomes: Operand


@dataclass(frozen=True)
class KeyRange:
    """What a key condition asks for: a partition, and which sort keys of it."""

    partition: tuple[str, str]
    sort: str | None
    holds: Callable[[str], bool]
    low: str
    high: str | None


@dataclass
class Request:
    """The expressions of one request, which share placeholders: each one given must be used, each one used given."""

    names: Mapping[str, str]
    values: Mapping[str, Any]
    given: Given = field(init=False)
    _used_names: set[str] = field(default_factory=set)
    _used_values: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Request:
        for part in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            if request.get(part) == {}:
                raise Invalid(f"{part} must not be empty")
        return cls(request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {}))

    def __post_init__(self) -> None:
        self.given = Given(self.names, read_all(self.values))

    def use(self, compiled: Compiled[T]) -> T:
        """What the expression does, once all that can be known without an item is right. Raises Invalid."""
        if missing := (compiled.names - set(self.names)) | (compiled.values - set(self.values)):
            raise Invalid(f"used in an expression and not defined: {sorted(missing)}")
        self._used_names |= compiled.names
        self._used_values |= compiled.values
        for check in compiled.checks:
            check(self.given)
        return compiled.does

    def end(self) -> None:
        """Raises Invalid if something was given that no expression uses."""
        if unused := (set(self.names) - self._used_names) | (set(self.values) - self._used_values):
            raise Invalid(f"unused in expressions: {sorted(unused)}")


@lru_cache(COMPILED)
def condition(text: str) -> Compiled[Test]:
    """Of a write."""
    parser = _Parser(text)
    return parser.compiled(parser.any_of())


@lru_cache(COMPILED)
def update(text: str) -> Compiled[Sequence[Change]]:
    """Of an UpdateItem: what each attribute becomes, all of it of the item as it was."""
    parser = _Parser(text)
    return parser.compiled(parser.changes())


@lru_cache(COMPILED)
def projection(text: str) -> Compiled[Callable[[Given], list[str]]]:
    """The attributes that are wanted."""
    parser = _Parser(text)
    names = parser.listed(parser.name)
    parser.distinct(names)
    return parser.compiled(lambda given: [name(given) for name in names])


@lru_cache(COMPILED)
def key_condition(text: str) -> Compiled[Callable[[Given], KeyRange]]:
    """Of a query: a partition, and a range of sort keys."""
    parser = _Parser(text)
    return parser.compiled(parser.key_range())


@cache
def reserved_words() -> frozenset[str]:
    """What is no attribute's name in an expression, in upper case; the list that moto has from the documentation.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
    """
    text = (files("moto.dynamodb.parsing") / "reserved_keywords.txt").read_text()
    return frozenset(text.upper().split())


class _Parser:
    """Reads one expression from its beginning to its end."""

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise Invalid("The expression can not be empty;")
        if len(text.encode()) > EXPRESSION_LIMIT_BYTES:
            raise Invalid("Expression size has exceeded the maximum allowed size;")
        self._text, self._tokens, self._at = text, list(_tokens(text)), 0
        self._names: set[str] = set()
        self._values: set[str] = set()
        self._checks: list[Check] = []
        self._groups: set[tuple[int, int]] = set()  # where parentheses open and close

    def compiled(self, does: T) -> Compiled[T]:
        if self._at < len(self._tokens):
            self._stop()
        return Compiled(does, frozenset(self._names), frozenset(self._values), tuple(self._checks))

    def distinct(self, names: Sequence[Name]) -> None:
        """Once it is known what they stand for, no two of them may be one attribute."""

        def check(given: Given) -> None:
            plain = [name(given) for name in names]
            if len(set(plain)) < len(plain):
                raise Invalid(f"Two document paths overlap with each other: {plain}")

        self._checks.append(check)

    def listed(self, part: Callable[[], T]) -> list[T]:
        """Parts between commas."""
        parts = [part()]
        while self._took(","):
            parts.append(part())
        return parts

    def name(self) -> Name:
        """An attribute: written out, or #placeholder."""
        token = self._take()
        if token.startswith("#"):
            self._names.add(token)
            return lambda given: given.names[token]
        if not token[0].isalpha():
            self._stop()
        if self._next() == "(":
            raise NotModelled(f"the function {token}: {self._text}")
        if token.upper() in reserved_words():
            raise Invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return lambda _: token

    # Conditions

    def any_of(self) -> Test:
        parts = [self._all_of()]
        while self._took("OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda item, given: any(part(item, given) for part in parts)

    def _all_of(self) -> Test:
        parts = [self._not()]
        while self._took("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda item, given: all(part(item, given) for part in parts)

    def _not(self) -> Test:
        if not self._took("NOT"):
            return self._test()
        inner = self._not()
        return lambda item, given: not inner(item, given)

    def _test(self) -> Test:
        begin = self._at
        if self._took("("):
            inner = self.any_of()
            self._take(")")
            if (begin + 1, self._at - 2) in self._groups:
                raise Invalid("The expression has redundant parentheses;")
            self._groups.add((begin, self._at - 1))
            return inner
        if self._next() in FUNCTIONS:
            wanted = self._take() == "attribute_exists"
            name = self._in_parentheses(self.name)
            return lambda item, given: (name(given) in item) is wanted
        first, first_name = self._operand()
        return self._comparison(first, first_name)

    def _comparison(self, first: Operand, first_name: Name | None) -> Test:
        sign = self._take().upper()
        if sign == "IN":
            many = self._in_parentheses(lambda: self.listed(lambda: self._operand()[0]))
            if len(many) > OPERANDS_OF_IN:
                raise Invalid("Invalid IN: too many operands")
            return lambda item, given: any(_same(first(item, given), each(item, given)) for each in many)
        if sign == "BETWEEN":
            low = self._ordered(sign)
            self._take("AND")
            high = self._ordered(sign)
            self._checks.append(lambda given: _check_between(low({}, given), high({}, given)))
            return lambda item, given: (
                _in_order(operator.ge, first(item, given), low(item, given))
                and _in_order(operator.le, first(item, given), high(item, given))
            )
        if sign not in ("=", "<>", *_ORDERS):
            self._stop()
        second, second_name = (self._ordered(sign), None) if sign in _ORDERS else self._operand()
        if first_name and second_name:
            self._checks.append(lambda given: _check_apart(first_name(given), second_name(given)))
        if sign == "=":
            return lambda item, given: _same(first(item, given), second(item, given))
        if sign == "<>":
            return lambda item, given: not _same(first(item, given), second(item, given))
        holds = _ORDERS[sign]
        return lambda item, given: _in_order(holds, first(item, given), second(item, given))

    def _operand(self) -> tuple[Operand, Name | None]:
        """A value, an attribute (then its name too), or the size of one."""
        token = self._next()
        if token.startswith(":"):
            return self._value(), None
        if token == "size":
            self._take()
            of = self._in_parentheses(self.name)
            return lambda item, given: _size(item.get(of(given))), None
        name = self.name()
        return lambda item, given: item.get(name(given)), name

    def _ordered(self, sign: str) -> Operand:
        """An operand of an order: only values have one that the request itself tells the type of."""
        if not self._next().startswith(":"):
            raise NotModelled(f"{sign} an attribute: {self._text}")
        value = self._value()
        self._checks.append(lambda given: _check_ordered(sign, value({}, given)))
        return value

    def _value(self) -> Operand:
        token = self._take()
        if not token.startswith(":"):
            self._stop()
        self._values.add(token)
        return lambda _, given: given.values[token]

    # Updates

    def changes(self) -> Sequence[Change]:
        """SET, REMOVE and ADD, each at most once."""
        sections = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add}
        changes: list[Change] = []
        while self._at < len(self._tokens):
            section = self._take().upper()
            if section not in sections:  # used up, or DELETE, which is for sets
                raise NotModelled(f"{section} in an update, or once more: {self._text}")
            changes += self.listed(sections.pop(section))
        self.distinct([change.name for change in changes])
        return changes

    def _set(self) -> Change:
        name = self.name()
        self._take("=")
        begin = self._at
        first = self._part()
        sign = self._next()
        if sign not in ("+", "-"):
            return Change(name, first)
        self._take()
        second, add = self._part(), operator.add if sign == "+" else operator.sub
        for token in {token for token in self._tokens[begin : self._at] if token.startswith(":")}:
            self._checks.append(partial(_check_literal, sign, token))
        return Change(name, lambda item, given: _sum(add, first(item, given), second(item, given)))

    def _part(self) -> Operand:
        """A value, an attribute that must be there, or if_not_exists(attribute, part)."""
        token = self._next()
        if token.startswith(":"):
            return self._value()
        if token == "if_not_exists":
            self._take()
            self._take("(")
            name = self.name()
            self._take(",")
            other = self._part()
            self._take(")")
            return lambda item, given: item[name(given)] if name(given) in item else other(item, given)
        name = self.name()

        def there(item: Attributes, given: Given) -> Value:
            if name(given) not in item:
                raise Unfit("The provided expression refers to an attribute that does not exist in the item")
            return item[name(given)]

        return there

    def _remove(self) -> Change:
        return Change(self.name(), lambda *_: None)

    def _add(self) -> Change:
        name, value = self.name(), self._value()
        self._checks.append(lambda given: _check_added("ADD", value({}, given)))
        return Change(
            name, lambda item, given: _sum(operator.add, item.get(name(given), ("N", 0)), value(item, given))
        )  # fmt: skip

    # Key conditions

    def key_range(self) -> Callable[[Given], KeyRange]:
        """`partition = :value`, and one condition on the sort key."""
        partition = self.name()
        self._take("=")
        value = self._value()
        if not self._took("AND"):
            return lambda given: KeyRange((partition(given), _text(value, given)), None, lambda _: True, "", None)
        starts = self._took("begins_with")
        if starts:
            self._take("(")
        sort = self.name()
        sign = self._take() if starts else self._take().upper()
        first = self._value()
        second = first
        if sign == "BETWEEN":
            self._take("AND")
            second = self._value()
            self._checks.append(lambda given: _check_between(first({}, given), second({}, given)))
        if starts:
            self._take(")")
        elif sign not in ("=", "BETWEEN", *_ORDERS):
            raise NotModelled(f"{sign} in a key condition: {self._text}")

        def key_range(given: Given) -> KeyRange:
            low, high = _text(first, given), _text(second, given)
            holds: Callable[[str], bool]
            if starts:
                holds = lambda key: key.startswith(low)  # noqa: E731
            elif sign in _ORDERS:
                holds = lambda key: _ORDERS[sign](key, low)  # noqa: E731
            else:
                holds = lambda key: low <= key <= high  # noqa: E731
            return KeyRange(
                (partition(given), _text(value, given)), sort(given), holds,
                low="" if sign in ("<", "<=") else low,
                high=high if sign in ("=", "BETWEEN", "<", "<=") else None,
            )  # fmt: skip

        return key_range

    # Tokens

    def _in_parentheses(self, part: Callable[[], T]) -> T:
        self._take("(")
        made = part()
        self._take(")")
        return made

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _took(self, word: str) -> bool:
        if self._next().upper() != word.upper():
            return False
        self._at += 1
        return True

    def _take(self, wanted: str | None = None) -> str:
        token = self._next()
        if not token or (wanted is not None and token.upper() != wanted):
            self._stop()
        self._at += 1
        return token

    def _stop(self) -> None:
        raise Invalid(f"Syntax error; token: {self._next() or '<EOF>'!r}, in: {self._text!r}")


def _tokens(text: str) -> Iterable[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            raise NotModelled(f"{text[at:]!r} in {text!r}")
        yield match[1]
        at = match.end()


def _same(first: Value | None, second: Value | None) -> bool:
    return first is not None and first == second


def _in_order(holds: Callable[[Any, Any], bool], first: Value | None, second: Value | None) -> bool:
    return first is not None and second is not None and first[0] == second[0] and holds(first[1], second[1])


def _size(value: Value | None) -> Value | None:
    if value is None or value[0] not in ("S", "B", "L", "M"):
        return None
    return "N", len(value[1].encode("utf-16-le")) // 2 if value[0] == "S" else len(value[1])


def _sum(add: Callable[[int, int], int], first: Value | None, second: Value | None) -> Value:
    if first is None or second is None or first[0] != "N" or second[0] != "N":
        raise Unfit("An operand in the update expression has an incorrect data type")
    return number(add(first[1], second[1]))


def _text(value: Operand, given: Given) -> str:
    """The value of a key, which is text in this table."""
    kind, plain = value({}, given) or ("", "")
    if kind != "S":
        raise Invalid("Condition parameter type does not match schema type")
    if not plain:
        raise Invalid("The AttributeValue for a key attribute cannot contain an empty string value")
    return str(plain)


def _check_between(low: Value | None, high: Value | None) -> None:
    if not _in_order(operator.le, low, high):
        raise Invalid("The BETWEEN operator requires bounds of one type, and the upper one not below the lower one")


def _check_apart(first: str, second: str) -> None:
    if first == second:
        raise Invalid("The first operand must be distinct from the remaining operands for this operator or function")


def _check_ordered(sign: str, value: Value | None) -> None:
    if value is None or value[0] not in ORDERED:
        raise Invalid(f"Incorrect operand type for operator or function; operator or function: {sign}")


def _check_literal(sign: str, token: str, given: Given) -> None:
    _check_added(sign, given.values[token])


def _check_added(sign: str, value: Value | None) -> None:
    if value is None or value[0] != "N":
        raise Invalid(f"Incorrect operand type for operator or function; operator: {sign}")
