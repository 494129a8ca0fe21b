"""Rules of sessions that browsers keep in cookies, as tests/vectors/browser-*.json has them for all clients.

They are what the cookies look like, what a request is told that brings them, and that a refresh token is
spent once.
"""
