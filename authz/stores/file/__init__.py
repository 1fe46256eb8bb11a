"""A policy, its history and an audit log in files."""
