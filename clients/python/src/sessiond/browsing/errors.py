"""Why cookies of a session could not be changed."""

from __future__ import annotations


class CrossSiteError(Exception):
    """Another site may have caused a request."""

    def __init__(self) -> None:
        super().__init__("another site may have caused this request")


class AnswerBegunError(Exception):
    """The head of an answer is written, and no cookie can be added to it."""

    def __init__(self) -> None:
        super().__init__("the answer has begun: its cookies cannot be changed any more")


class CookieTooLargeError(Exception):
    """An access token of `size` bytes fits in no cookie, or not in as many as are allowed."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the access token has {size} bytes, and a cookie 4096 with its attributes: let the provider put "
            "less into it, or use split_cookies"
        )
        self.size = size
