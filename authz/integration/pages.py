"""What an admin page of an adapter is made of."""

from authz.web.pages import flash
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.menu import Group, MenuEntry
from authz.web.pages.pagination import SIZE, Listing, asked, asked_page
from authz.web.rendering import render

__all__ = [
    "SIZE",
    "AdminPages",
    "Crumb",
    "Group",
    "Listing",
    "MenuEntry",
    "asked",
    "asked_page",
    "flash",
    "render",
]
