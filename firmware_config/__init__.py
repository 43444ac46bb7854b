"""What turns a Raspberry Pi into a gate: units, first boot, updates. See README.md."""
