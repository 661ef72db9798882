"""What agents do over XMPP."""
