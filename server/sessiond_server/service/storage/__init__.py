"""The ports of storage, one file each with their values; `adapters.store` carries them out."""
