"""Adapting a model to a user by the user's own walking."""
