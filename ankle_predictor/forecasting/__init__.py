"""From pairs of samples to forecasts, live: window, network, memory of the wearer."""
