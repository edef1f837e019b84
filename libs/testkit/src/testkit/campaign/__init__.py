"""What campaigns of faults are made of: a load that remembers, faults done to a suite, and an audit afterwards."""
