"""The lines of each client without which users are not protected, and how they are taken away."""
