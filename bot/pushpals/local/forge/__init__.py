"""A GitHub on a laptop: REST, GraphQL, webhooks and git over HTTP, all on loopback."""
