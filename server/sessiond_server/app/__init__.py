"""The composition root: the one place that knows every concrete class.

It starts them, drains them, and closes them in reverse order.
"""
