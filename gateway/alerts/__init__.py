"""What needs a person: raised from what falls on the floor, shown until somebody sees to it, told
to a webhook."""
