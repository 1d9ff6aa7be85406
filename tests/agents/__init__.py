"""Real coding agents against the scripted model; they must be installed: see `lanebench agents`."""
