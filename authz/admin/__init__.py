"""What an administrator does: the use cases that the API, the pages and commands share.

Knows no web framework. Each use case takes and returns values, and writes its audit
record before its change becomes visible.
"""
