"""People at an XMPP client: who they are, the forms they fill in and the conversations they have with agents."""
