"""How far input and forecasts can be trusted: age, plausibility, familiarity, recent error."""
