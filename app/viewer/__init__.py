"""Query and match side by side."""
