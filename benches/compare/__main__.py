"""`python -m benches.compare`."""

from .run import main

raise SystemExit(main())
