"""From raw samples to the orientation of both segments and the ankle angle now."""
