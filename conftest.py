"""Registers the fixtures that all test folders share."""

pytest_plugins = ["testkit.plugin"]
