"""Runs one process of the customer service."""

from kernel.service import main

main("customer", "customer.bootstrap")
