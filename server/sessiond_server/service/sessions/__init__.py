"""Opens, refreshes, shows and ends sessions."""
