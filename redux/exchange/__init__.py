"""Histories on their way from one repository to another."""
