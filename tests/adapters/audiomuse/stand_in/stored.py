"""What the set-up page stored, in the place of the app's database."""

#: Settings by name. They lie over the environment, as in the app.
VALUES = {}
#: Whether the database answers; without it the app runs on its environment alone.
REACHABLE = True
