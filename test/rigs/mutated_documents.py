"""Hypothesis strategies that change a valid document in a few places, as a mistake or an attacker would."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.integers() | st.sampled_from([0, 1, -1, 2**53 + 1, 10**30, 10**400]) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=50) | st.sampled_from(["1", "nan", "left", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def every_place(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of each value of a document, those of the first and last entry of each list."""
    places = [place] if place else []
    if isinstance(value, dict):
        return places + [p for k, v in value.items() for p in every_place(v, (*place, k))]
    if isinstance(value, list):
        return places + [p for k in sorted({0, len(value) - 1}) if value for p in every_place(value[k], (*place, k))]
    return places


def parent_of(document: Any, place: tuple[str | int, ...]) -> Any:
    """The object or list that holds the value at a path."""
    for key in place[:-1]:
        document = document[key]
    return document


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A copy of which up to three values are replaced, removed, moved, or have a neighbour added."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = every_place(result)
        if not places:
            break
        place = draw(st.sampled_from(places))
        parent, key = parent_of(result, place), place[-1]
        change = draw(st.sampled_from(["replace", "remove", "move", "add"]))
        if change == "replace":
            parent[key] = draw(VALUES)
        elif change == "remove":
            del parent[key]
        elif change == "move":
            other = draw(st.sampled_from(places))
            parent[key] = copy.deepcopy(parent_of(document, other)[other[-1]]) if other in every_place(document) else 0
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=5))] = draw(VALUES)
        else:
            parent.append(draw(VALUES))
    return result
