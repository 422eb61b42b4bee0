"""Pages for people: one module a page, each reading what it shows and handing it to its template."""
