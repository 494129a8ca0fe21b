"""The composition root: the one place that knows every concrete class; starts them, drains, and closes in reverse order."""
