"""Whether a token is good.

It runs the checks of `domain.checks` on what the keys, the cache and the view of revocations know.
"""
