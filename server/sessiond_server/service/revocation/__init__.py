"""What this server knows of revocations, and how it keeps that fresh."""
