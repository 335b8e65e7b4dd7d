"""Files of several formats → a data set, checked at the door."""
