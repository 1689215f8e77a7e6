"""What clients speak to: GraphQL, its transports and security, the web pages and the command line."""
