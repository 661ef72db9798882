"""What carries the messages: the embedded XMPP server and the production one."""
