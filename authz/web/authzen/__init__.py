"""The API of OpenID AuthZEN 1.0: other programs ask the policy in the standard's words.

`questions` says what a body may hold, `meaning` what it means here and what the policy
says to it, `search` who, what and which; `serving` is HTTP.
"""
