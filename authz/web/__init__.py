"""The Flask side: the hook, the sign-in pages and what renders refusals."""
