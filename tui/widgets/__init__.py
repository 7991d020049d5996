"""The console's widgets, one area a module. They show the view and post what a person asks for;
none of them talks to the gateway."""
