"""Who may use the machine, when, and with how much memory. Knows no network: work is what it is given."""
