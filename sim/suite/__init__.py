"""Suites that judge the whole project: regression, timing."""
