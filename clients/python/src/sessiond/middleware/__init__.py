"""What all middleware shares: one decision about a request. Each protocol tells it by a table of its own."""
