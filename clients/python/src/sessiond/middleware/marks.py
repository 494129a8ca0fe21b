"""Rules that decorators have put on views."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sessiond.middleware.rules import Rule

T = TypeVar("T")
_NAME: Final = "__sessiond_rules__"


class RuleNotAppliedError(RuntimeError):
    """A view has a rule that nobody has carried out: it is called by another way, or nothing is protected."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"the rule of a view was not carried out: is there {needed}?")


def mark(marked: T, view: Any, rule: Rule) -> T:
    """Put a rule on what stands for a view, beside those that the view has."""
    setattr(marked, _NAME, (*said(view), rule))
    return marked


def said(view: Any) -> tuple[Rule, ...]:
    """The rules of a view; all of them must hold."""
    found: tuple[Rule, ...] = getattr(view, _NAME, ())
    return found
