"""Everything one may ask of the service desk: tickets, the desk itself, surveys, imports."""
