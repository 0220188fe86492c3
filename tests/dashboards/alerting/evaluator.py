"""Grafana's evaluation of a rule, in small: queries, reduction to the last value, mathematics, labels."""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable

Labels = frozenset[tuple[str, str]]
Values = dict[Labels, float]

_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


@dataclass(frozen=True)
class Evaluation:
    """What came of a rule: the label sets that fire, and every value by the name of its node."""

    firing: set[Labels]
    values: dict[str, Values]
    no_data: bool

    def tags(self, name: str) -> set[str]:
        """Return one tag of all that fire."""
        return {dict(labels)[name] for labels in self.firing}


def evaluate(rule: dict[str, Any], url: str, databases: dict[str, str], now_s: int) -> Evaluation:
    """Evaluate a rule of a provisioning file; `databases` is by the data source's uid."""
    nodes: dict[str, Values] = {}
    for entry in rule["data"]:
        model = entry["model"]
        if entry["datasourceUid"] != "__expr__":
            reach_s = entry["relativeTimeRange"]["from"]
            nodes[entry["refId"]] = _asked(
                model["query"], url, databases[entry["datasourceUid"]], now_s, reach_s
            )
        elif model["type"] == "reduce":
            assert (
                model["reducer"] == "last"
            )  # `_asked` has reduced it: the database answers in order of time
            nodes[entry["refId"]] = nodes[model["expression"]]
        else:
            nodes[entry["refId"]] = _calculated(model["expression"], nodes)
    asked = [nodes[entry["refId"]] for entry in rule["data"] if entry["datasourceUid"] != "__expr__"]
    firing = {labels for labels, value in nodes[rule["condition"]].items() if value}
    return Evaluation(firing, nodes, not any(asked))


def _asked(query: str, url: str, database: str, now_s: int, reach_s: int) -> Values:
    during = f"time >= {now_s - reach_s}s AND time <= {now_s}s"
    fields = {"db": database, "q": query.replace("$timeFilter", during)}
    answer = urllib3.request("GET", f"{url}/query", fields=fields).json()["results"][0]
    assert "error" not in answer, (query, answer)
    found = {}
    for series in answer.get("series", ()):
        assert len(series["columns"]) == 2, f"one field a query: {series['columns']}"
        values = [value for _, value in series["values"] if value is not None]
        if values:
            found[frozenset(series.get("tags", {}).items())] = float(values[-1])
    return found


def _calculated(expression: str, nodes: dict[str, Values]) -> Values:
    python = re.sub(r"\$(\w+)", r"\1", expression).replace("&&", " and ").replace("||", " or ")
    return _value(ast.parse(python, mode="eval").body, nodes)


def _value(node: ast.AST, nodes: dict[str, Values]) -> Values:
    match node:
        case ast.Constant(value=value):
            return {frozenset(): float(value)}
        case ast.Name(id=name):
            return nodes[name]
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _joined(_OPERATORS[type(op)], _value(left, nodes), _value(right, nodes))
        case ast.BoolOp(op=ast.And(), values=[left, right]):
            return _joined(
                lambda one, other: bool(one) and bool(other), _value(left, nodes), _value(right, nodes)
            )
        case ast.Call(func=ast.Name(id="abs"), args=[inside]):
            return {labels: abs(value) for labels, value in _value(inside, nodes).items()}
    raise AssertionError(ast.dump(node))


def _joined(function: Callable[[float, float], float], one: Values, other: Values) -> Values:
    """Join by labels: where one side's are among the other's. What finds nobody is dropped, as in Grafana."""
    return {
        left | right: float(function(value, another))
        for left, value in one.items()
        for right, another in other.items()
        if left <= right or right <= left
    }
