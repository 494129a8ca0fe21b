"""Use cases over ports: what is asked and answered, without knowing how it travels or is stored."""
