"""fasttok inside other libraries, engines of clusters and pipelines: thin, each imported only when it is asked for, by
its public name, as `fasttok.polars`. Nothing that fasttok does itself needs any of them."""
