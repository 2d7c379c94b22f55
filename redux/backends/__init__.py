"""A door for workflows that come from redun: backends live in `redux_backends`."""
