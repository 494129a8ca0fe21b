"""The scripts that run in the store: their text in Lua, their declarations, and what runs them."""
