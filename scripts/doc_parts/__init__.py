"""Parts of the generated pages, and the templates that hold what is written by hand."""
