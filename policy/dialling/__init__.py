"""May this call be placed? Facts, rulebook and time in; a Decision with every reason out. Pure."""
