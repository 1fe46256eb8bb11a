"""The admin API: JSON over HTTP, one module for each kind of resource.

Each operation is declared once. What it takes is checked against the declaration, and
the OpenAPI document is made of the same declarations.
"""
