"""Small backends in each framework behind its middleware, and what they are asked."""
