"""What a salesperson would argue about: events, states and decisions. Pure."""
