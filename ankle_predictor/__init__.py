"""Everything after the raw samples: orientation, ankle angle, features, forecast, scoring, training."""
