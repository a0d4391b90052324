"""How far to trust input and forecast: freshness, plausibility, familiarity, recent error."""
