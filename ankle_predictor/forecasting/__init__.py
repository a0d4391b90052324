"""Makes live forecasts from pairs of samples: feature window, network, memory of the wearer."""
