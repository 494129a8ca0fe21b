"""What a method needs of its caller: a group, or one group for each branch that its request can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sessiond_server.domain.caller import Caller, Group

_ONLY: Final = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A group for each branch of a request, which `branch_of` tells; a branch that has no group is denied.

    Where `branch_of` gives None, the request chooses no branch at all, and its codec refuses it.
    """

    groups: Mapping[str, Group]
    branch_of: Callable[[Any], str | None] = lambda _request: _ONLY

    @classmethod
    def of(cls, group: Group) -> Rule:
        """The rule of a method without branches."""
        return cls({_ONLY: group})

    def require_some(self, caller: Caller) -> None:
        """Raise `CallerNotPermittedError` unless the caller may make this call in some form."""
        caller.require_any(self.groups.values())

    def require(self, caller: Caller, request: Any) -> None:
        """Raise `CallerNotPermittedError` unless the caller may make this very request."""
        branch = self.branch_of(request)
        if branch is not None:
            caller.require_any({self.groups[branch]} if branch in self.groups else ())
