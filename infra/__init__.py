"""Where facts are kept and work is queued: PostgreSQL, Redis and the settings that name them."""
