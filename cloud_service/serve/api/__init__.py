"""The JSON API under `/api/v1`: a table of endpoints, from which routes, checks and the OpenAPI document are made."""
