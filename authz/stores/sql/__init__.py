"""A database as the store: SQLite beside the app, or PostgreSQL for several of them.

The only part of authz that imports SQLAlchemy, and only when `AUTHZ_STORE` is set.
"""
