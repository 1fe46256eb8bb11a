"""What an adapter builds on, beside what `authz` itself exports.

An adapter fits authz to one app that it does not own. What is here may change between
releases, and the changelog says so; what is nowhere public changes without a word. Each
module is imported for itself: `sql` needs a database, `web` needs Flask.
"""
