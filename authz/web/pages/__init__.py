"""The admin pages: drawn on the server, complete without JavaScript.

One module for each screen. A page asks the same use cases as the API does; it never
calls the API over HTTP and never touches a store by itself.
"""
