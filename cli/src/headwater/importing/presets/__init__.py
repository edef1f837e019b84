"""Files of known systems, read as they are. Each module has `plan(folder, overrides) -> Plan`."""
