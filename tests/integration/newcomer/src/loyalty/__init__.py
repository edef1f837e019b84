"""A bounded context that nobody has heard of: it gives each new customer points. Made of the kernel and of events."""
