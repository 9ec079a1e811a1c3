"""The agent in a web page: chats at the left, the conversation beside them, no notebook needed."""
