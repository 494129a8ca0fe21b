"""Providers that can hold sessions: logins there, and the exchange of their refresh tokens."""
