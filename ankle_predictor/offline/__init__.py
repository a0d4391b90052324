"""Runs recordings through the live code: features, forecasts and their scores."""
