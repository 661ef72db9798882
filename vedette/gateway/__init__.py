"""The gateway to an AMQP 0-9-1 broker such as RabbitMQ: Stucco's messages become items, and items messages."""
