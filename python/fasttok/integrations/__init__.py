"""fasttok inside other libraries: thin, each imported only when it is asked for, by its public name, as
`fasttok.polars`."""
