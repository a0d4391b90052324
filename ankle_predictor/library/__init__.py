"""The models of many users on one robot: lists, removes, exports and imports them, with reports and calibrations."""
